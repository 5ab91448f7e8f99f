"""The compiler: text to IR, in one pure function of the charter's text, its files and its overrides.

Steps: load, parse, resolve, graph, passes, lower, bundle, digests. Every step returns its findings; the IR
exists only when no finding is an error.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct, field

from charter.compiler import model
from charter.compiler.codec import decode_ir, encode_ir, ir_digest
from charter.compiler.controls import Lowering, control_spans, lower_controls
from charter.compiler.doubt import ABOUT_ABSENCE, doubt_of
from charter.compiler.files import ProjectFiles
from charter.compiler.gather import gather
from charter.compiler.graph import LifecycleGraph
from charter.compiler.ir import IR
from charter.compiler.lower import (
    edition_of,
    lower_declarations,
    lower_edges,
    lower_lifecycle,
    lower_parameters,
    lower_roles,
    lower_stages,
    lower_waivers,
)
from charter.compiler.meaning import meaning_digest
from charter.compiler.named import NamedFiles, read_named_files
from charter.compiler.passes import PASSES, Context
from charter.compiler.pins import pin_files
from charter.compiler.places import Places
from charter.compiler.provenance import lower_provenance
from charter.compiler.rego.bundle import BundleInput, build_bundle, check_policies
from charter.compiler.resolve import resolve
from charter.compiler.same_file import with_files
from charter.compiler.transforms import build_graph
from charter.dsl.codes import error
from charter.dsl.collector import collector_paused
from charter.dsl.diagnostics import Diagnostic, Severity, has_errors
from charter.dsl.findings import MOST
from charter.dsl.load import load_source
from charter.dsl.source import Source, Span

_NONE: Mapping[str, str] = MappingProxyType({})


class CompileResult(Struct, frozen=True):
    """What a compilation gives.

    Attributes:
        ir: the compiled charter; None when a finding is an error.
        diagnostics: all findings, in the order of the text.
        sources: the texts that the findings' spans refer to, by path.
        charter: the typed model, for reports; None when the text could not be read at all.
        graph: the lifecycle graph, as far as references resolve.
        draft: the lowered charter before files are pinned and digests taken; enough to draw, not to run.
    """

    ir: IR | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, Source] = field(default_factory=dict)
    charter: model.Charter | None = None
    graph: LifecycleGraph | None = None
    draft: IR | None = None


def compile_charter(path: Path, *, overrides: Mapping[str, str] = _NONE, as_text: str | None = None) -> CompileResult:
    """Compile one charter; files it names are read, and pinned by their digests.

    Args:
        path: the charter; its directory is the project's.
        overrides: values of parameters as typed, `{"min-auc": "78%"}`; they are part of the meaning.
        as_text: the text to compile instead of the file's.
    """
    with collector_paused():
        return _compile(path, overrides, as_text, will_run=True)


def check_charter(
    path: Path,
    *,
    overrides: Mapping[str, str] = _NONE,
    as_text: str | None = None,
    as_of: date | None = None,
) -> CompileResult:
    """Prove what `compile_charter` proves, data files aside: they may come later. The IR is never given.

    Args:
        path: the charter; its directory is the project's.
        overrides: values of parameters as typed.
        as_text: the text to check instead of the file's.
        as_of: the day for which dates are judged, such as the last of a waiver; None judges none.
    """
    with collector_paused():
        return _compile(path, overrides, as_text, will_run=False, as_of=as_of)


def _compile(
    path: Path,
    overrides: Mapping[str, str],
    as_text: str | None,
    *,
    will_run: bool,
    as_of: date | None = None,
) -> CompileResult:
    source, findings = _source(path, as_text)
    if source is None:
        return CompileResult(None, tuple(findings))
    gathered = gather(path, source)
    syntax = gathered.findings
    files = ProjectFiles(path.absolute().parent)
    charter = with_files(resolve(gathered.tree, overrides), files, whole=will_run)
    graph = build_graph(charter)
    named = read_named_files(charter, files)
    sources = gathered.sources
    doubt = doubt_of(gathered)
    context = Context(charter, graph, files, named, dict(overrides), will_run, doubt.complete, gathered, as_of=as_of)
    findings = [*findings, *syntax, *(item for item in _examined(context) if not doubt.covers(item))]
    draft: IR | None = None
    if has_errors(findings):
        findings = [item for item in findings if item.code not in _OF_SOUND_CHARTERS]
        findings += check_policies(named.rego, _of_policies(charter))[1]
    else:
        draft, more = _lower(charter, graph, Places(sources, source.path), named)
        findings += more
    sound = draft is not None and not has_errors(findings)
    return CompileResult(
        ir=sealed(draft, pin_files(charter, files) | gathered.digests)
        if draft is not None and sound and will_run
        else None,
        diagnostics=in_order(findings),
        sources=sources,
        charter=charter,
        graph=graph,
        draft=draft if sound else None,
    )


def _source(path: Path, as_text: str | None) -> tuple[Source | None, list[Diagnostic]]:
    if as_text is not None:
        return Source(str(path), as_text), []
    source, findings = load_source(path)
    return source, list(findings)


def _examined(context: Context) -> Iterator[Diagnostic]:
    """The findings of all passes; after so many errors that nobody would read on, the rest is left."""
    errors = 0
    for examine in PASSES:
        for finding in examine(context):
            if finding.code in ABOUT_ABSENCE and _may_be_elsewhere(finding, context):
                continue
            yield finding
            errors += finding.severity is Severity.ERROR
            if errors == MOST:
                detail = f"After {MOST} mistakes the rest of the charter is not looked at. Mend these first."
                yield error("CH0040", finding.span, detail)
                return


def _of_policies(charter: model.Charter) -> Mapping[str, Span]:
    """Where the Rego files are named, by path."""
    return {item.rego.value: item.rego.span for item in charter.policies.values() if item.rego is not None}


_OF_SOUND_CHARTERS = frozenset({"CH0411", "CH1501"})
"""What is left open is told once the rest is sound: what closes it may be what is mistaken."""


def _may_be_elsewhere(finding: Diagnostic, context: Context) -> bool:
    """Whether the name may be in a file that could not be read, or is what the baseline asks for and is missing."""
    inherited = finding.span is not None and finding.span.path != context.charter.file.span.path
    unmet = any(extension.unmet for extension in context.gathered.extensions)
    return not context.gathered.whole or (inherited and unmet)


def in_order(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place; findings about no place at all first. The order is the same on every run."""

    def key(finding: Diagnostic) -> tuple[str, int, int, str, str]:
        span = finding.span
        where = (span.path, span.start, span.end) if span else ("", -1, -1)
        return (*where, finding.code, finding.detail)

    return tuple(sorted(dict.fromkeys(findings), key=key))


def _lower(
    charter: model.Charter, graph: LifecycleGraph, places: Places, named: NamedFiles
) -> tuple[IR | None, tuple[Diagnostic, ...]]:
    order = graph.order()
    assert order is not None  # the shape pass has said so
    lowering = Lowering(charter, graph, places, named.packages)
    controls = lower_controls(lowering)
    stages = lower_stages(lowering, order, controls, named.schemas)
    lifecycle = lower_lifecycle(lowering)
    waivers = lower_waivers(lowering)
    bundle, findings = build_bundle(
        BundleInput(
            lifecycle=lifecycle,
            controls=controls,
            waivers=waivers,
            gates=tuple(gate for stage in stages for gate in (stage.entry, stage.exit)),
            policies=named.rego,
            spans=control_spans(charter),
        )
    )
    if bundle is None:
        return None, findings
    compiled = IR(
        lifecycle=lifecycle,
        parameters=lower_parameters(lowering),
        roles=lower_roles(lowering),
        declarations=lower_declarations(lowering),
        controls=controls,
        waivers=waivers,
        stages=stages,
        edges=lower_edges(lowering, order),
        bundle=bundle,
        pins={},
        meaning="",
        digest="",
        models=lower_provenance(charter),
        edition=edition_of(charter.file),
    )
    return compiled, findings


def sealed(compiled: IR, pins: Mapping[str, str]) -> IR:
    """The IR with its pins, and the digests of its meaning and of itself."""
    pinned = msgspec.structs.replace(compiled, pins=dict(sorted(pins.items())), meaning=meaning_digest(compiled))
    named = msgspec.structs.replace(pinned, digest=ir_digest(pinned))
    # What is handed on is what anybody reads back from the bytes, down to the order of keys.
    return decode_ir(encode_ir(named))
