"""What mistakes of syntax leave in doubt: findings that would only follow from them are not shown.

One misspelt clause hides what reads its declaration, and nothing else: every pass looks at the whole charter, and
here alone is decided which of its findings may be nothing but the consequence of what could not be read.
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from charter.compiler.gather import PINS, Gathered
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Severity
from charter.dsl.source import Source, Span

ABOUT_ABSENCE = frozenset({"CH0101", "CH0110", "CH0801"})
"""What is said of a name that is not there."""
_ABOUT_NAMES = ABOUT_ABSENCE | {"CH0103"}

_OWN: frozenset[str] = frozenset()
_DATASETS = frozenset({"dataset"})
_FLOW = frozenset({"dataset", "prompt", "model", "evaluation", "approval", "deployment"})
"""What decides which stage comes before which on the way to a deployment."""
_STAGES = _FLOW | {"objective", "monitor", "retirement"}
_ALL = _STAGES | {"role", "parameter", "policy", "waiver"}

READS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "CH0104": _OWN,
        "CH0105": _ALL,
        "CH0108": _ALL,
        "CH0110": _STAGES,
        "CH0214": _OWN,
        "CH0216": _OWN,
        "CH0402": _FLOW,
        "CH0403": _FLOW,
        "CH0404": _FLOW,
        "CH0405": _ALL,
        "CH0407": _OWN,
        "CH0408": _STAGES,
        "CH0409": frozenset({"retirement"}),
        "CH0410": _FLOW,
        "CH0411": _FLOW,
        "CH0701": _OWN,
        "CH0704": _OWN,
        "CH0803": _STAGES,
        "CH1201": _OWN,
        "CH1202": _OWN,
        "CH1203": _ALL,
        "CH1301": _DATASETS,
        "CH1302": _DATASETS,
        "CH1303": frozenset({"approval"}),
        "CH1304": _FLOW,
        "CH1305": _OWN,
        "CH1306": _OWN,
        "CH1307": _DATASETS,
        "CH1308": frozenset({"deployment"}),
        "CH1309": frozenset({"deployment"}),
        "CH1401": _OWN,
        "CH1402": _OWN,
        "CH1403": frozenset({"retirement"}),
        "CH1404": frozenset({"retirement"}),
        "CH1501": _ALL,
        "CH1703": _OWN,
        "CH1704": _OWN,
        "CH1705": _DATASETS,
        "CH1708": _OWN,
    }
)
"""Findings that conclude something from what is absent, with the kinds whose clauses may hold it.

Beside these, each reads the declarations that it points at. The lifecycle is none of them: its risk, packs and
baseline only ever add findings, so one that could not be read makes none.
"""


class Doubt(Struct, frozen=True):
    """What could not be read for certain.

    Attributes:
        sources: the texts, by path.
        lines: lines with a mistake of syntax.
        damaged: declarations with a mistake in them: a clause may be missing that was written.
        headers: those whose first line has one: their name, and what they are of, may be another.
        names: whether a name that is not there may be one of those.
        hidden: whether a whole declaration may have gone unread, or stands in a file that could not be read.
        torn: whether what was written may stand anywhere else, or in a baseline that could not be read.
    """

    sources: Mapping[str, Source]
    lines: frozenset[tuple[str, int]]
    damaged: tuple[ast.Declaration, ...]
    headers: tuple[Span, ...]
    names: bool
    hidden: bool
    torn: bool

    @property
    def complete(self) -> bool:
        """Whether every declaration that was written is there, so that one that is absent is really absent."""
        return not (self.hidden or self.torn)

    def covers(self, finding: Diagnostic) -> bool:
        """Whether a finding of the passes may be nothing but the consequence of a mistake of syntax."""
        if self._from_absence(finding):
            return True
        span = finding.span
        if span is None or not self.lines:
            return False
        if self.names and finding.code in _ABOUT_NAMES:
            return True
        return any(_within(span, item) for item in self.headers) or _line(self.sources, span) in self.lines

    def _from_absence(self, finding: Diagnostic) -> bool:
        """Whether what the finding misses may be what could not be read."""
        reads = READS.get(finding.code)
        if reads is None:
            return False
        if self.torn or (self.hidden and reads) or any(node.kind in reads for node in self.damaged):
            return True
        about = [span for span in (finding.span, *(item.span for item in finding.related)) if span is not None]
        return any(node.kind != "lifecycle" and _within(span, node.span) for node in self.damaged for span in about)


def doubt_of(gathered: Gathered) -> Doubt:
    """What the mistakes of a text, and of the files that it is made of, leave in doubt."""
    tree, sources = gathered.tree, gathered.sources
    errors = [item for item in gathered.findings if item.severity is Severity.ERROR and item.code not in PINS]
    spans = [item.span for item in errors if item.span is not None]
    lines = frozenset(_line(sources, span) for span in spans)
    damaged = tuple(node for node in tree.declarations if any(_within(span, node.span) for span in spans))
    headers = tuple(node.span for node in tree.declarations if lines and _line(sources, node.header_span) in lines)
    unknown = any(item.code in _HIDES_A_DECLARATION for item in errors)
    outside = any(item.span is None or not any(_within(item.span, node.span) for node in damaged) for item in errors)
    return Doubt(
        sources,
        lines,
        damaged,
        headers,
        names=bool(headers) or unknown,
        hidden=bool(headers) or outside,
        torn=any(item.code in _TEARS for item in errors) or _without_baseline(gathered),
    )


_HIDES_A_DECLARATION = frozenset({"CH0024", "CH0030", "CH0051"})
"""Mistakes behind which a declaration may have gone unread."""

_TEARS = frozenset(
    {"CH0011", "CH0012", "CH0020", "CH0021", "CH0022", "CH0024", "CH0025", "CH0028", "CH0031", "CH0040", "CH0041"}
    | {"CH0051"}
)
"""Mistakes after which nobody knows what stands in which block."""


def _without_baseline(gathered: Gathered) -> bool:
    """Whether a baseline could not be read: any clause of any declaration might be inherited from it."""
    merged = [extension.clause.span for extension in gathered.extensions]
    clauses = (clause for node in gathered.tree.declarations if node.kind == "lifecycle" for clause in node.clauses)
    return any(clause.keyword == "extends" and clause.span not in merged for clause in clauses)


def _within(span: Span, whole: Span) -> bool:
    return span.path == whole.path and whole.start <= span.start < whole.end


def _line(sources: Mapping[str, Source], span: Span) -> tuple[str, int]:
    source = sources.get(span.path)
    return (span.path, source.position(span.start).line) if source is not None else ("", 0)
