"""A team's own code: finding `package.module:function` in the project, and the files it is made of.

Nothing is imported or run; files are found by name and read as syntax trees.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

_CALLABLE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", re.ASCII)
_MOST_FILES = 500
_MOST_BYTES = 4 * 1024 * 1024


class CallableName(Struct, frozen=True):
    """`package.module:function` in its parts."""

    module: str
    function: str


def parse_callable(text: str) -> CallableName | None:
    """The parts of `package.module:function`; None when it is none."""
    match = _CALLABLE.fullmatch(text)
    return CallableName(match[1], match[2]) if match else None


def module_file(module: str, root: Path) -> Path | None:
    """The project's file of a module, relative to `root`; None when the project has none."""
    base = Path(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if (root / candidate).is_file():
            return candidate
    return None


def defines(path: Path, function: str) -> bool | str:
    """Whether a module binds this name at its top level; a text says why it cannot be known."""
    tree = _tree(path)
    if isinstance(tree, str):
        return tree
    return any(function in names or "*" in names for names in map(_bound, tree.body))


def code_files(called: str, root: Path) -> tuple[str, ...]:
    """The project's files that a callable is made of: its module, and what that imports of the project.

    Imports are followed wherever they stand in a file; packages on the way count with their `__init__.py`.
    """
    name = parse_callable(called)
    if name is None:
        return ()
    found: dict[str, None] = {}
    waiting = [name.module]
    while waiting and len(found) < _MOST_FILES:
        module = waiting.pop()
        for package in _with_parents(module):
            path = module_file(package, root)
            if path is None or path.as_posix() in found:
                continue
            found[path.as_posix()] = None
            tree = _tree(root / path)
            if not isinstance(tree, str):
                waiting += _imports(tree, package, is_package=path.name == "__init__.py")
    return tuple(sorted(found))


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _tree(path: Path) -> ast.Module | str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return f"it is larger than {_MOST_BYTES} bytes"
        return ast.parse(path.read_bytes())
    except OSError as problem:
        return (problem.strerror or "it cannot be read").lower()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        line = getattr(problem, "lineno", None)
        return f"it is no Python: {problem.args[0] if problem.args else problem}" + (f" (line {line})" if line else "")


def _bound(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {(alias.asname or alias.name).partition(".")[0] for alias in names}
        case ast.Assign(targets=targets):
            return {item.id for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.If() | ast.Try() | ast.With():
            inside = (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))
            return set().union(*(_bound(child) for child in inside))
    return set()


def _imports(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[str]:
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            if base is not None:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _base(node: ast.ImportFrom, package: str) -> str | None:
    if not node.level:
        return node.module
    parts = package.split(".") if package else []
    kept = len(parts) - (node.level - 1)
    if kept < 0:
        return None
    return ".".join([*parts[:kept], *([node.module] if node.module else [])]) or None
