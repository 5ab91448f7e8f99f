"""Finds rules that need themselves: OPA refuses to load them, and the embedded engine would run out of stack."""

from collections.abc import Iterable, Iterator

from charter.compiler.rego.module import Module, Problem, Rule

Name = tuple[str, ...]


def recursive_rules(modules: Iterable[Module]) -> list[Problem]:
    """One problem for each circle of rules, at a rule of it."""
    homes: dict[Name, tuple[Module, Rule]] = {}
    needs: dict[Name, set[Name]] = {}
    every = tuple(modules)
    for module in every:
        for rule in module.rules:
            homes.setdefault(("data", *module.package, rule.name), (module, rule))
    for module in every:
        for rule in module.rules:
            found = needs.setdefault(("data", *module.package, rule.name), set())
            for path in _paths(module, rule):
                found |= {name for name in homes if _meets(path, name)}
    return [_problem(circle, homes) for circle in _circles(needs)]


def _paths(module: Module, rule: Rule) -> Iterator[tuple[str | None, ...]]:
    local = {*rule.bindings, *rule.parameters}
    named = [(item.base, item.steps) for item in rule.references]
    named += [(first, tuple(rest)) for first, *rest in (call.name.split(".") for call in rule.calls)]
    for base, steps in named:
        if base in module.imports:
            yield (*module.imports[base], *steps)
        elif base == "data":
            yield (base, *steps)
        elif base not in local:
            yield ("data", *module.package, base, *steps)


def _meets(path: tuple[str | None, ...], name: Name) -> bool:
    """Whether reading the path needs the rule; a path that ends above it reads all that is below."""
    return all(step in (None, part) for step, part in zip(path, name, strict=False))


def _circles(needs: dict[Name, set[Name]]) -> Iterator[list[Name]]:
    """Each circle once, in the order in which the rules need each other. Depth first, without recursion."""
    done: set[Name] = set()
    for start in sorted(needs):
        if start in done:
            continue
        path: list[Name] = [start]
        ways = [iter(sorted(needs[start]))]
        while ways:
            following = next(ways[-1], None)
            if following is None:
                ways.pop()
                done.add(path.pop())
            elif following in path:
                yield path[path.index(following) :]
            elif following not in done:
                path.append(following)
                ways.append(iter(sorted(needs.get(following, ()))))


def _problem(circle: list[Name], homes: dict[Name, tuple[Module, Rule]]) -> Problem:
    module, rule = homes[circle[0]]
    names = " needs ".join(f"`{name[-1]}`" for name in (*circle, circle[0]))
    detail = f"It needs itself and could never be evaluated: {names}. Say it without that, or with `walk` over a value."
    return Problem("CH1001", module.path, rule.line, rule.column, detail)
