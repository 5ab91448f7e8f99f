"""Files: what the charter names is there, inside the project, and what it claims to be."""

from collections.abc import Iterator

from charter.compiler import model
from charter.compiler.code import code_files, defines, module_file, parse_callable
from charter.compiler.codes import SUMMARIES, error
from charter.compiler.files import ProjectFiles, Refusal
from charter.compiler.passes.context import Context
from charter.compiler.pins import data_files, rule_directories
from charter.compiler.rego.parser import why_unreadable
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Severity
from charter.dsl.suggest import did_you_mean

TRAINERS = ("tabular-mlp",)
"""The built-in trainers."""


def check_paths(context: Context) -> Iterator[Diagnostic]:
    """CH0901 to CH0907: data, checkpoints, schemas, Rego, code and lessons."""
    yield from context.named.findings
    for dataset in context.charter.datasets.values():
        yield from _source(dataset, context)
    for declared in context.charter.models.values():
        yield from _trainer(declared, context)
        if declared.checkpoint is not None:
            yield from _there(declared.checkpoint, context.files.below(declared.checkpoint.value), context)
    for written in rule_directories(context.charter):
        yield from _rules(written, context)
    for retirement in context.charter.retirements.values():
        for clause in retirement.clauses("lessons"):
            path = clause.arguments.get("path")
            if isinstance(path, ast.Text):
                yield from _inside(path, context)


def _source(dataset: model.Dataset, context: Context) -> Iterator[Diagnostic]:
    for location in data_files(dataset):
        yield from _data(location, context)
    source = dataset.source
    if source is None or source.location is None:
        return
    if source.format == "python":
        yield from _callable(source.location, context)
    if source.origins and source.format != "python":
        detail = "Only `source python` derives rows from other datasets. Leave `from` out, or name a callable."
        yield error("CH0905", source.origins[0].span, detail)


def _data(location: ast.Text, context: Context) -> Iterator[Diagnostic]:
    """Data that is missing stops a compilation; for a check it may come later, and the check says so."""
    yield from _there(location, context.files.locate(location.value), context)


def _there(location: ast.Text, found: object, context: Context) -> Iterator[Diagnostic]:
    if not isinstance(found, Refusal):
        return
    may_come = found.code == "CH0901" and not context.will_run
    severity = Severity.WARNING if may_come else Severity.ERROR
    yield Diagnostic(found.code, severity, SUMMARIES[found.code], found.detail, location.span)


def _rules(written: ast.Text, context: Context) -> Iterator[Diagnostic]:
    """A directory of rule packs: everything in it is pinned, and every Rego file is one."""
    below = context.files.below(written.value)
    if isinstance(below, Refusal):
        yield error(below.code, written.span, below.detail)
        return
    rego = [path for path in below if path.endswith(".rego")]
    if not rego:
        detail = (
            f"`{written.value}` holds no `.rego` file, so no rule would come of it. Name the directory of the rules."
        )
        yield error("CH0904", written.span, detail)
    for path in rego:
        text = context.files.read(path)
        if isinstance(text, Refusal):
            yield error(text.code, written.span, text.detail)
        elif unreadable := why_unreadable(path, text):
            yield error("CH0904", written.span, f"`{path}` is no Rego: {unreadable}. Mend the file, or take it out.")


def _inside(path: ast.Text, context: Context) -> Iterator[Diagnostic]:
    """A file that is written later: only its place is checked."""
    found = context.files.locate(path.value)
    if isinstance(found, Refusal) and found.code != "CH0901":
        yield error(found.code, path.span, found.detail)


def _trainer(declared: model.Model, context: Context) -> Iterator[Diagnostic]:
    match declared.trainer_kind, declared.trainer:
        case "builtin", ast.Name() as name if name.text not in TRAINERS:
            hint = did_you_mean(name.text, TRAINERS)
            detail = f"There is no built-in trainer `{name.text}`; there is `tabular-mlp`.{hint}"
            yield error("CH0113", name.span, detail)
        case "builtin", ast.Text() as text:
            yield error("CH0113", text.span, "The built-in trainer is named without quotes: `builtin tabular-mlp`.")
        case "python", ast.Text() as text:
            yield from _callable(text, context)
        case "python", ast.Name() as name:
            detail = 'A trainer of your own is a text: `python "package.module:function"`.'
            yield error("CH0905", name.span, detail)


def _callable(written: ast.Text, context: Context) -> Iterator[Diagnostic]:
    refusal = context.callables.get(written.value)
    if refusal is None:
        refusal = context.callables[written.value] = _why_not_callable(written.value, context.files)
    if refusal.code:
        yield error(refusal.code, written.span, refusal.detail)


def _why_not_callable(written: str, files: ProjectFiles) -> Refusal:
    """Why a text names no function of the project; with an empty code if it does."""
    name = parse_callable(written)
    if name is None:
        return Refusal("CH0905", f"`{written}` names no function. Write `package.module:function`.")
    path = module_file(name.module, files.root)
    if path is None:
        file = name.module.replace(".", "/")
        return Refusal(
            "CH0906",
            f"The project has no `{file}.py`, where `{name.module}` would be. Code that a charter names lives in the "
            "charter's directory, so that it can be pinned.",
        )
    for file in (path.as_posix(), *code_files(written, files.root)):
        located = files.locate(file)
        if isinstance(located, Refusal):
            return located
    found = defines(files.root / path, name.function)
    if isinstance(found, str):
        return Refusal("CH0906", f"`{path.as_posix()}` cannot be used: {found}.")
    if not found:
        detail = f"`{path.as_posix()}` defines no `{name.function}` at its top level. Check the spelling."
        return Refusal("CH0906", detail)
    return Refusal("", "")
