"""One charter out of several files: what it imports stands in it, what it extends is merged with it.

Every file is read once and as if it wanted to do harm. An `import` stays below the directory of the charter (or of
the baseline) that imports. A baseline may lie elsewhere, because it is pinned: what is read is what was agreed on,
byte for byte of its meaning, or nothing is proved.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct, field

from charter.compiler import clauses as read
from charter.compiler.canonical import digest
from charter.compiler.codes import error
from charter.compiler.files import ProjectFiles, Refusal
from charter.compiler.meaning import normal_form_digest
from charter.compiler.merge import merge, with_paths
from charter.compiler.resolve import resolve
from charter.compiler.stated import control_files
from charter.dsl import ast
from charter.dsl.check_vocabulary import check_vocabulary
from charter.dsl.codes import SUMMARIES
from charter.dsl.diagnostics import Diagnostic, Related, has_errors
from charter.dsl.load import MAX_BYTES, decode, load_bytes
from charter.dsl.parse import parse
from charter.dsl.source import Source, Span

MOST_FILES = 64
MOST_LEVELS = 8
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Extension(Struct, frozen=True):
    """One `extends`: what the baseline demands of the charter, and the charter with it.

    Attributes:
        clause: the `extends` clause.
        name: the baseline, as messages call it.
        unmet: declarations of the baseline that nothing in the charter answers to.
    """

    clause: ast.Clause
    name: str
    demanded: ast.CharterFile
    merged: ast.CharterFile
    unmet: tuple[ast.Declaration, ...]


class Gathered(Struct):
    """What was read.

    Attributes:
        tree: every declaration, with those of imports and baselines.
        sources: the texts, by the paths in spans.
        findings: what is wrong with the files themselves.
        digests: of the files beside the charter's own, by path from the charter's directory.
        extensions: every level of `extends`, the charter's own last.
        whole: whether every file could be read; if not, nothing is concluded from a name that is not there.
    """

    tree: ast.CharterFile
    sources: dict[str, Source] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    extensions: list[Extension] = field(default_factory=list)
    whole: bool = True


PINS = frozenset({"CH1103", "CH1104"})
"""What is wrong with a pin is no reason to doubt what was read."""
_OF_A_CLAUSE = frozenset({"CH0050", "CH0052", "CH0053", "CH0054", "CH0055"})
"""Mistakes that leave no declaration of an imported file unread."""
_NO_OBSTACLE = PINS | {"CH0053"}
"""What does not keep a baseline from being merged: what it leaves out may be in the charter."""


class _Place(Struct, frozen=True):
    """Where a file lies: its real path, how people call it, and the directory that its imports may not leave."""

    real: Path
    shown: str
    root: Path


class _Gathering(Struct):
    """The files read so far, for one charter."""

    top: Path
    into: Gathered
    open: list[Path] = field(default_factory=list)
    """Files that are being read, outermost first: one of them again is a circle."""
    files: int = 1
    template: bool = False
    size: int = 0
    """Bytes of what was read beside the charter itself."""


def gather(path: Path, source: Source, *, template: bool = False) -> Gathered:
    """The charter in `source`, with all that it imports and extends.

    Args:
        path: the file that the text is of; what it names is looked for from its directory.
        template: whether it is a baseline, which may leave open what charters that extend it say.
    """
    root = path.absolute().parent
    tree, findings = parse(source)
    into = Gathered(tree, {source.path: source}, _but_missing(findings) if template else list(findings))
    if not any(node.kind == "import" for node in tree.declarations) and _extends(tree) is None:
        return into
    state = _Gathering(root, into, [_real(path)], template=template)
    into.tree = _whole(state, tree, _Place(_real(path), source.path, root))
    if into.extensions and into.whole and not template:
        # What a clause needs may stand in the baseline, so it is asked for only when the two are one.
        into.findings = _but_missing(into.findings)
        if not has_errors(into.findings):
            into.findings += (item for item in check_vocabulary(into.tree, ()) if item.code == "CH0053")
    return into


def _but_missing(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [item for item in findings if item.code != "CH0053"]


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path.absolute()


def _extends(tree: ast.CharterFile) -> ast.Clause | None:
    lifecycle = next((node for node in tree.declarations if node.kind == "lifecycle"), None)
    return next((c for c in lifecycle.clauses if c.keyword == "extends"), None) if lifecycle else None


def _whole(state: _Gathering, tree: ast.CharterFile, place: _Place) -> ast.CharterFile:
    """A file with its imports, and with its baseline if it has one."""
    imported: set[Path] = set()
    own = _with_imports(state, tree, place, imported)
    clause = _extends(tree)
    if clause is None:
        return own
    base = _baseline(state, clause, place)
    if base is None:
        return own
    merged = merge(own, base, template=state.template or len(state.open) > 1)
    name = read.word(clause, "path")
    state.into.extensions.append(Extension(clause, name, merged.inherited, merged.tree, merged.unmet))
    return merged.tree


def _with_imports(state: _Gathering, tree: ast.CharterFile, place: _Place, imported: set[Path]) -> ast.CharterFile:
    """A file with the declarations of each file it imports, once, where the import stands."""
    found: list[ast.Declaration] = []
    for node in tree.declarations:
        written = node.header.get("path")
        if node.kind != "import":
            found.append(node)
        elif isinstance(written, ast.Text):
            found += _imported(state, written, place, imported)
    return msgspec.structs.replace(tree, declarations=tuple(found))


def _imported(state: _Gathering, written: ast.Text, place: _Place, imported: set[Path]) -> tuple[ast.Declaration, ...]:
    there = _found(state, written, place, inside=True)
    if there is None or there.real in imported:
        return ()
    imported.add(there.real)
    inner = _opened(state, written, there, inside=True)
    if inner is None:
        return ()
    state.open.append(there.real)
    whole = _with_imports(state, inner, there, imported)
    state.open.pop()
    return _moved(whole, there, place.real.parent).declarations


def _moved(tree: ast.CharterFile, there: _Place, home: Path) -> ast.CharterFile:
    """The tree with its paths written as from the directory `home`."""
    prefix = os.path.relpath(there.real.parent, home).replace(os.sep, "/")
    if prefix == ".":
        return tree
    return with_paths(tree, lambda text: ast.Text(_joined(prefix, text.value), text.span))


def _joined(prefix: str, path: str) -> str:
    """A path that is refused on its own stays as it is, and is refused."""
    if not path.strip() or path.startswith("/") or "\\" in path:
        return path
    return os.path.normpath(f"{prefix}/{path}")


def _found(state: _Gathering, written: ast.Text, place: _Place, *, inside: bool) -> _Place | None:
    """The file that a path means; None, with a finding, if it is none to be read."""
    located = _locate(written.value, place, inside=inside)
    if isinstance(located, Refusal):
        _refuse(state, error(located.code, written.span, located.detail))
        return None
    if located.real in state.open:
        _refuse(state, _circle(state, located, written.span))
        return None
    return located


def _refuse(state: _Gathering, *findings: Diagnostic) -> None:
    """Notes why a file is not read, and that the charter is not whole without it."""
    state.into.findings += findings
    state.into.whole = False


def _opened(state: _Gathering, written: ast.Text, there: _Place, *, inside: bool) -> ast.CharterFile | None:
    """The file, parsed; None, with a finding, if it cannot be."""
    state.files += 1
    if state.files > MOST_FILES or len(state.open) > MOST_LEVELS:
        limit = f"{MOST_FILES} files" if state.files > MOST_FILES else f"{MOST_LEVELS} levels"
        detail = f"A charter is made of at most {limit}, and `{written.value}` is one more. Put files together."
        _refuse(state, error("CH1102", written.span, detail))
        return None
    data, findings = load_bytes(there.real, there.shown)
    state.size += len(data or b"")
    if state.size > MAX_BYTES:
        detail = (
            f"With `{written.value}` the files have more than {MAX_BYTES // 2**20} MiB together. Split the charter."
        )
        _refuse(state, error("CH1102", written.span, detail))
        return None
    source, more = decode(data, there.shown) if data is not None else (None, ())
    if source is None or data is None:
        _refuse(state, *(_at(item, written) for item in (*findings, *more)))
        return None
    tree, syntax = parse(source)
    state.into.sources[source.path] = source
    state.into.findings += syntax if inside else _but_missing(syntax)
    state.into.whole = state.into.whole and not has_errors(item for item in syntax if item.code not in _OF_A_CLAUSE)
    state.into.digests[_from(there.real, state.top)] = digest(data)
    return tree


def _from(path: Path, top: Path) -> str:
    return os.path.relpath(path, _real(top)).replace(os.sep, "/")


def _at(finding: Diagnostic, written: ast.Text) -> Diagnostic:
    """What is wrong with a file as a whole is shown where it is named."""
    detail = f"`{written.value}`: {finding.detail}"
    return Diagnostic(finding.code, finding.severity, SUMMARIES[finding.code], detail, written.span)


def _locate(written: str, place: _Place, *, inside: bool) -> _Place | Refusal:
    pure = PurePosixPath(written)
    if not written.strip() or "\0" in written:
        return Refusal("CH0901", "The path is empty or has a NUL in it. Name a charter.")
    if pure.is_absolute() or "\\" in written or written[1:2] == ":":
        return Refusal(
            "CH0902", f"`{written}` is no relative path. Write it from the directory of this file, with `/`."
        )
    if pure.suffix != ".charter":
        return Refusal("CH0901", f"`{written}` does not end in `.charter`. Only charters are imported and extended.")
    path = place.real.parent / pure
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "it cannot be resolved"
        detail = (
            f"`{written}` cannot be found from `{place.shown}`: {reason.lower()}. Paths are relative to the file that "
            "names them; check the spelling, or put the file there."
        )
        return Refusal("CH0901", detail)
    root = _real(place.root)
    if inside and not real.is_relative_to(root):
        detail = (
            f"`{written}` leads out of the project, and what is imported travels with it. Copy the file below the "
            "directory of the charter. (A baseline may lie elsewhere: `extends` pins it by its digest.)"
        )
        return Refusal("CH0902", detail)
    if real.suffix != ".charter":
        return Refusal("CH0902", f"`{written}` is a link to a file that is no charter. Name the charter itself.")
    return _Place(real, _called(place.shown, written), place.root if inside else real.parent)


def _called(home: str, written: str) -> str:
    """How people call a file that another one names: by its path from where they stand."""
    return os.path.normpath(PurePosixPath(home).parent / written)


def _circle(state: _Gathering, again: _Place, span: Span) -> Diagnostic:
    names = [path.name for path in state.open[state.open.index(again.real) :]]
    way = " → ".join(f"`{name}`" for name in (*names, again.real.name))
    detail = f"The files name each other in a circle, so none of them comes first: {way}. Take one of the lines out."
    return error("CH1101", span, detail)


def _baseline(state: _Gathering, clause: ast.Clause, place: _Place) -> ast.CharterFile | None:
    """The baseline with all that it imports and extends itself, its digest checked."""
    written = read.text(clause, "path")
    if written is None:
        return None
    before = len(state.into.findings)
    there = _found(state, written, place, inside=False)
    tree = _opened(state, written, there, inside=False) if there is not None else None
    if there is None or tree is None:
        return None
    state.open.append(there.real)
    whole = _whole(state, tree, there)
    state.open.pop()
    if has_errors(item for item in state.into.findings[before:] if item.code not in _NO_OBSTACLE):
        state.into.whole = False
        return None
    right = baseline_digest(whole, there.real.parent)
    state.into.findings += _pinned(clause, written, right)
    return _moved(whole, there, place.real.parent)


def baseline_digest(tree: ast.CharterFile, home: Path) -> str:
    """What `extends` pins: the meaning of a baseline with all that it extends, and the files that its controls name.

    Args:
        home: the directory that its paths start from.
    """
    charter = resolve(tree, {})
    files = ProjectFiles(home)
    found: dict[str, str] = {}
    for path in sorted(set(control_files(charter))):
        try:
            known = files.digest(path)
        except OSError:
            continue
        if isinstance(known, str):
            found[path] = known
    return normal_form_digest(charter, found)


def _pinned(clause: ast.Clause, path: ast.Text, right: str) -> Iterator[Diagnostic]:
    given = read.text(clause, "digest")
    line = f'`extends "{path.value}" digest "{right}"`'
    if given is None:
        detail = (
            f"`{path.value}` may change, and nobody would notice that less is asked of this charter. Pin what it says "
            f"now, once you have read it: {line}."
        )
        yield error("CH1103", path.span, detail)
    elif not _DIGEST.fullmatch(given.value):
        detail = (
            f"`{given.value[:80]}` is no digest: `sha256:` and 64 digits of 0-9 and a-f. What it says now is {line}."
        )
        yield error("CH1104", given.span, detail)
    elif given.value != right:
        detail = (
            f"`{path.value}` does not say what it said when this digest was taken. Read what has changed "
            f"(`charter diff`), and if it is agreed to, write {line}."
        )
        yield error(
            "CH1104", given.span, detail, Related(Span(_called(path.span.path, path.value), 0, 0), "as it is now")
        )
