"""Reads one Rego file without running it: its package, its rules, what it calls and what it reads."""

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from charter.compiler.rego.parser import MAX_BYTES, MAX_COLUMNS, MAX_LINES, new_engine

# The parser tries each nested `[` and `{` in several ways, so its time doubles with every level.
_NESTING = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*|[\[{]|[\]}]')
_MOST_NESTING = 20_000

_AT = re.compile(r"--> (.*?):(\d+):(\d+)")
_ERROR = re.compile(r"^error: (.*)$", re.MULTILINE)


class Problem(Struct, frozen=True):
    """What is wrong in a Rego file; `code` is the diagnostic's, the place counts from 1."""

    code: str
    path: str
    line: int
    column: int
    detail: str


class Reference(Struct, frozen=True):
    """A reference: the name it starts from, and its steps (None where a variable or a value picks).

    `picks` has, step by step, the name of the variable that picks; None for any other step.
    """

    base: str
    steps: tuple[str | None, ...]
    line: int
    column: int
    picks: tuple[str | None, ...] = ()


class Argument(Struct, frozen=True):
    """What stands in a call, as far as it can be read.

    Attributes:
        text: a text that is written out.
        size: of an array that is written out.
        steps: the texts of an array of nothing but texts.
        reference: a reference, with no call in it.
    """

    text: str | None = None
    size: int | None = None
    steps: tuple[str, ...] | None = None
    reference: Reference | None = None


class Call(Struct, frozen=True):
    """A function called, by its name as written."""

    name: str
    line: int
    column: int
    arguments: tuple[Argument, ...] = ()


class Rule(Struct, frozen=True):
    """One rule's head and what its bodies do.

    Attributes:
        kind: `set` (`contains`), `function` or `value`.
        bindings: variables that stand for (an element of) a reference: name to the references, with whether it
            is an element of it.
        literals: variables that stand for a text that is written out.
        parameters: of a function: the names, None for what is no plain name.
        stands_for: the reference that a rule without a body is another name of.
        value: how the parser calls what is assigned in the head, such as `String` or `Bool`.
    """

    name: str
    kind: str
    line: int
    column: int
    calls: tuple[Call, ...]
    references: tuple[Reference, ...]
    bindings: dict[str, list[tuple[Reference, bool] | None]] = field(default_factory=dict)
    literals: dict[str, str] = field(default_factory=dict)
    parameters: tuple[str | None, ...] = ()
    stands_for: Reference | None = None
    value: str | None = None


class Module(Struct, frozen=True):
    """One file. `imports` maps the name it is called by to the path, such as `("data", "team", "lib")`."""

    path: str
    package: tuple[str, ...]
    imports: dict[str, tuple[str, ...]]
    rules: tuple[Rule, ...]


def read_module(path: str, text: str) -> Module | Problem:
    """Parse one file as Rego v1. The engine's parser is used; nothing is evaluated."""
    if _nesting(text) > _MOST_NESTING:
        detail = "Its brackets are nested so deeply that reading it would take minutes. Name the inner parts by rules."
        return Problem("CH1001", path, 1, 1, detail)
    if (too_large := _too_large(text)) is not None:
        return Problem("CH1001", path, too_large[0], 1, too_large[1])
    engine = new_engine()
    try:
        engine.add_policy(path, text)
        (document,) = json.loads(engine.get_ast_as_json())
    except RuntimeError as error:
        return _syntax_problem(path, text, str(error))
    return _Reader(path, text).module(document["ast"])


def _nesting(text: str) -> int:
    """About how many ways the parser tries: two to the depth, for each bracket."""
    depth = cost = 0
    for token in _NESTING.finditer(text):
        if token[0] in "[{":
            depth += 1
            cost += 1 << min(depth, 64)
        elif token[0] in "]}":
            depth = max(0, depth - 1)
    return cost


def _too_large(text: str) -> tuple[int, str] | None:
    """Line and sentence, if the engine would not take a file of this size."""
    if len(text.encode()) > MAX_BYTES:
        return 1, f"It has more than {MAX_BYTES:,} bytes. Divide it into several files."
    for number, line in enumerate(text.split("\n"), start=1):
        if number > MAX_LINES:
            return number, f"It has more than {MAX_LINES:,} lines. Divide it into several files."
        if len(line) >= MAX_COLUMNS:
            return number, f"This line has more than {MAX_COLUMNS:,} characters. Break it."
    return None


def error_place(message: str) -> tuple[str, int, int]:
    """File, line and column of what the engine says; an empty file if it names none."""
    place = _AT.search(message)
    return (place[1], int(place[2]), int(place[3])) if place else ("", 1, 1)


def error_words(message: str) -> str:
    """What the engine says, without the place and the quotation."""
    said = _ERROR.search(message)
    return said[1] if said else "it cannot be read"


_NO_CODE = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*')
_IMPORTED_IN_V0 = re.compile(r"(?<![.\w])(?:if|in|every)\b")
_IMPORTS_ALL = re.compile(r"\bimport\s+(?:rego\.v1|future\.keywords)\b(?!\.)")


def _is_v0(path: str, text: str) -> bool:
    """Whether it can be read as Rego v0. Keywords that v0 lacks are no names: the engine would print a warning."""
    code = _NO_CODE.sub(" ", text)
    if not _IMPORTS_ALL.search(code):
        used = set(_IMPORTED_IN_V0.findall(code))
        if any(not re.search(rf"\bimport\s+future\.keywords\.{word}\b", code) for word in used):
            return False
    old = new_engine()
    old.set_rego_v0(True)
    try:
        old.add_policy(path, text)
    except RuntimeError:
        return False
    return True


def _syntax_problem(path: str, text: str, message: str) -> Problem:
    _, line, column = error_place(message)
    if not _is_v0(path, text):
        detail = f"It is not Rego: {error_words(message)}."
        return Problem("CH1001", path, line, column, detail)
    detail = (
        "It is written in Rego v0, in which rule bodies have no `if` and sets no `contains`. "
        f"Rewrite it with `opa fmt --write --v0-v1 {path}`, and look at what changed."
    )
    return Problem("CH1002", path, line, column, detail)


class _Reader:
    """Walks the parser's JSON. Expressions are objects with one key beside their span: the kind."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text.encode()

    def module(self, tree: dict[str, Any]) -> Module:
        package = self._reference(tree["package"]["refr"])
        assert package is not None
        return Module(
            path=self.path,
            package=(package.base, *(step or "" for step in package.steps)),
            imports=dict(self._import(item) for item in tree["imports"]),
            rules=tuple(self._rule(rule) for rule in tree["rules"]),
        )

    def _import(self, item: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
        reference = self._reference(item["refr"])
        assert reference is not None
        path = (reference.base, *(step or "" for step in reference.steps))
        return (self._slice(item["as"]) if item.get("as") else path[-1]), path

    def _rule(self, rule: dict[str, Any]) -> Rule:
        ((form, body),) = rule.items()
        head = body if form == "Default" else next(iter(body["head"].values()))
        kind = next(iter(body["head"])) if form == "Spec" else "Func" if body["args"] else "Compr"
        name = self._reference(head["refr"])
        assert name is not None
        line, column = _place(head["refr"])
        calls: list[Call] = []
        references: list[Reference] = []
        bindings: dict[str, list[tuple[Reference, bool] | None]] = {}
        # A head may name its own keys, `deny[x]`; only what stands in brackets is looked at there.
        parts = [head.get("key"), head.get("assign"), head.get("value"), head.get("args"), body.get("bodies")]
        for part in parts:
            self._walk(part, calls, references, bindings)
        assigned = head.get("value") if form == "Default" else (head.get("assign") or {}).get("value")
        bodies = body.get("bodies") or []
        return Rule(
            name=name.base,
            kind={"Set": "set", "Func": "function"}.get(kind, "value"),
            line=line,
            column=column,
            calls=tuple(calls),
            references=tuple(references),
            bindings=bindings,
            literals=dict(self._literals(body)),
            parameters=tuple(_variable(item) for item in head.get("args") or ()) if kind == "Func" else (),
            stands_for=self._reference(assigned) if assigned and not bodies and form == "Spec" else None,
            value=None if assigned is None else next(key for key in assigned if key != "span"),
        )

    def _literals(self, node: Any) -> Iterator[tuple[str, str]]:
        """Variables that stand for a text that is written out."""
        for inside in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
            yield from self._literals(inside)
        if isinstance(node, dict) and "AssignExpr" in node:
            name, text = _variable(node["AssignExpr"]["lhs"]), _text(node["AssignExpr"]["rhs"])
            if name is not None and text is not None:
                yield name, text

    def _walk(self, node: Any, calls: list[Call], references: list[Reference], bindings: dict[str, Any]) -> None:
        if isinstance(node, list):
            for item in node:
                self._walk(item, calls, references, bindings)
        if not isinstance(node, dict):
            return
        for kind, inside in node.items():
            if kind == "with_mods" and inside:
                line, column = _place(inside[0]["refr"])
                calls.append(Call("with", line, column))
            elif kind == "Call":
                name = self._reference(inside["fcn"])
                line, column = _place(inside["fcn"])
                arguments = tuple(self._argument(item) for item in inside["params"])
                calls.append(Call(".".join(_known(name)) if name else "?", line, column, arguments))
                self._walk(inside["params"], calls, references, bindings)
            elif kind in {"Var", "RefDot", "RefBrack"}:
                found = self._reference({kind: inside})
                if found is not None:
                    references.append(found)
                for other in self._inside_reference({kind: inside}):
                    self._walk(other, calls, references, bindings)
            else:
                for variable, bound in self._bound(kind, inside):
                    bindings.setdefault(variable, []).append(bound)
                self._walk(inside, calls, references, bindings)

    def _bound(self, kind: str, inside: Any) -> Iterator[tuple[str, tuple[Reference, bool] | None]]:
        """Variables that this expression binds, and to what; None when to something else than a reference."""
        if kind == "SomeIn":
            yield from self._elements(_variable(inside["value"]), inside["collection"])
        elif kind == "Every":
            yield from self._elements(self._slice(inside["value"]), inside["domain"])
        elif kind == "AssignExpr":
            for left, right in ((inside["lhs"], inside["rhs"]), (inside["rhs"], inside["lhs"])):
                name = _variable(left)
                if name is not None:
                    reference = self._reference(right)
                    yield name, (reference, False) if reference else None

    def _argument(self, node: dict[str, Any]) -> Argument:
        items = node["Array"]["items"] if "Array" in node else None
        texts = [_text(item) for item in items or ()]
        return Argument(
            text=_text(node),
            size=None if items is None else len(items),
            steps=None if items is None or None in texts else tuple(text for text in texts if text is not None),
            reference=self._reference(node),
        )

    def _elements(self, name: str | None, collection: Any) -> Iterator[tuple[str, tuple[Reference, bool] | None]]:
        if name is not None:
            reference = self._reference(collection)
            yield name, (reference, True) if reference else None

    def _reference(self, node: Any) -> Reference | None:
        """The chain of a reference, None when it starts from something else than a name."""
        steps: list[str | None] = []
        picks: list[str | None] = []
        while True:
            if not isinstance(node, dict):
                return None
            if "Var" in node:
                line, column = _place(node)
                name = str(node["Var"]["value"])
                return Reference(name, tuple(reversed(steps)), line, column, tuple(reversed(picks)))
            if "RefDot" in node:
                steps.append(str(node["RefDot"]["field"][1]))
                picks.append(None)
                node = node["RefDot"]["refr"]
            elif "RefBrack" in node:
                index = node["RefBrack"]["index"]
                steps.append(_text(index))
                picks.append(_variable(index))
                node = node["RefBrack"]["refr"]
            else:
                return None

    def _inside_reference(self, node: dict[str, Any]) -> Iterator[Any]:
        """What stands in a reference's brackets, and what it starts from if that is no name."""
        while "RefDot" in node or "RefBrack" in node:
            if "RefBrack" in node:
                yield node["RefBrack"]["index"]
                node = node["RefBrack"]["refr"]
            else:
                node = node["RefDot"]["refr"]
        if "Var" not in node:
            yield node

    def _slice(self, span: dict[str, int]) -> str:
        return self.text[span["start"] : span["end"]].decode(errors="replace")


def _text(node: Any) -> str | None:
    kind = next((kind for kind in ("String", "RawString") if kind in node), None)
    return None if kind is None else str(node[kind]["value"])


def _variable(node: Any) -> str | None:
    return str(node["Var"]["value"]) if isinstance(node, dict) and "Var" in node else None


def _known(reference: Reference) -> Iterator[str]:
    yield reference.base
    yield from (step or "?" for step in reference.steps)


def _place(node: dict[str, Any]) -> tuple[int, int]:
    """Line and column of a reference's first name."""
    while True:
        kind, inside = next((key, value) for key, value in node.items() if key != "span")
        if kind in {"RefDot", "RefBrack"}:
            node = inside["refr"]
            continue
        span = inside.get("span", {"line": 1, "col": 1})
        return span["line"], span["col"]
