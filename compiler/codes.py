"""Every code that the compiler can report: code to summary. Each has a page in `pages/`, and a case in
`tests/cases/errors`. CH01 names, CH02 units and types, CH04 shape, CH05 leakage,
CH06 thresholds, CH07 duties, CH08 waivers and hazards, CH09 files,
CH10 the team's own Rego, CH11 several files, CH12 the baseline, CH13 information flow,
CH14 retention, CH15 regulation, CH16 models that make text, CH17 operation. CH03 was what could not be compiled yet:
nothing is left of it.
"""

from pathlib import Path

from charter.dsl.diagnostics import Diagnostic, Related, Severity
from charter.dsl.source import Span

SUMMARIES: dict[str, str] = {
    # Names.
    "CH0101": "unknown name",
    "CH0102": "duplicate name",
    "CH0103": "wrong kind of thing",
    "CH0104": "unknown part of a split",
    "CH0105": "not exactly one lifecycle",
    "CH0106": "unknown pack",
    "CH0107": "unknown parameter override",
    "CH0108": "nothing to check",
    "CH0109": "unknown metric",
    "CH0110": "unknown stage",
    "CH0111": "column used after it was dropped",
    "CH0112": "column must stay as recorded",
    "CH0113": "unknown trainer",
    # Units and types.
    "CH0201": "wrong unit",
    "CH0203": "metric cannot be measured here",
    "CH0204": "metric needs a column",
    "CH0205": "metric takes no column",
    "CH0206": "shares do not make 100%",
    "CH0207": "no such day",
    "CH0208": "confidence out of range",
    "CH0209": "unreadable override",
    "CH0210": "unknown limit",
    "CH0211": "number out of place",
    "CH0212": "not a protected attribute",
    "CH0213": "reaction out of place",
    "CH0214": "missing target",
    "CH0215": "no confidence interval",
    "CH0216": "another target",
    "CH0217": "empty text",
    "CH0218": "number cannot be held",
    "CH0219": "grade out of place",
    # Shape.
    "CH0401": "stages wait for each other",
    "CH0402": "ungated deployment",
    "CH0403": "deployment without approval",
    "CH0404": "approval without evidence",
    "CH0405": "never used",
    "CH0406": "prohibited system",
    "CH0407": "evaluation without a bound",
    "CH0408": "policy gates nothing",
    "CH0409": "monitor without a bound",
    "CH0410": "signed without an evaluation",
    "CH0411": "nothing left that stops",
    # Leakage.
    "CH0501": "evaluated on rows it has seen",
    "CH0502": "evaluated on related rows",
    "CH0503": "no part to learn from",
    "CH0504": "groups torn apart",
    "CH0505": "validated on rows it has seen",
    # Thresholds.
    "CH0601": "bounds contradict",
    "CH0602": "bound always holds",
    "CH0603": "bound never holds",
    "CH0604": "bound is redundant",
    "CH0605": "retires what was accepted",
    "CH0606": "retires what the monitor accepts",
    "CH0607": "bound in the wrong direction",
    "CH0608": "too few rows for the confidence",
    # Duties.
    "CH0701": "quorum out of reach",
    "CH0702": "quorum below one",
    "CH0703": "unknown person",
    "CH0704": "approval of one's own work",
    # Waivers and hazards.
    "CH0801": "unknown control",
    "CH0802": "control cannot be waived",
    "CH0803": "hazard is not gated",
    "CH0804": "nothing to waive",
    "CH0805": "waived twice",
    "CH0806": "waiver has lapsed",
    # Files.
    "CH0901": "file not found",
    "CH0902": "path leaves the project",
    "CH0903": "invalid JSON Schema",
    "CH0904": "unreadable Rego file",
    "CH0905": "not a callable",
    "CH0906": "code not found",
    "CH0907": "file cannot be read",
    # The team's own Rego.
    "CH1001": "unreadable Rego",
    "CH1002": "old Rego",
    "CH1003": "reserved package",
    "CH1004": "forbidden function",
    "CH1005": "unknown function",
    "CH1006": "unknown input",
    "CH1007": "policy decides nothing",
    "CH1008": "not a set",
    "CH1009": "unknown data",
    # Several files.
    "CH1101": "files name each other",
    "CH1102": "too many files",
    "CH1103": "baseline without digest",
    "CH1104": "not the pinned baseline",
    # The baseline.
    "CH1201": "weaker than the baseline",
    "CH1202": "other than the baseline",
    "CH1203": "baseline not met",
    "CH1204": "override weakens",
    # Information flow.
    "CH1301": "class falls on the way",
    "CH1302": "class cannot fall",
    "CH1303": "nobody attests",
    "CH1304": "not cleared for the data",
    "CH1305": "no lawful basis",
    "CH1306": "special category without condition",
    "CH1307": "basis changes on the way",
    "CH1308": "licence forbids commercial use",
    "CH1309": "unknown licence",
    "CH1310": "one file declared in two ways",
    # Retention.
    "CH1401": "kept too short",
    "CH1402": "erased at the wrong time",
    "CH1403": "copies are left",
    "CH1404": "erased while in use",
    # Regulation.
    "CH1501": "clause not covered",
    "CH1502": "unknown clause",
    # Models that make text.
    "CH1601": "made in two ways",
    "CH1602": "not for this task",
    "CH1603": "unusable address",
    "CH1604": "secret instead of its name",
    # Operation, and what is searched for and fed back.
    "CH1701": "rollout out of order",
    "CH1702": "falls back to the same",
    "CH1703": "search finds nothing",
    "CH1704": "feedback is not whole",
    "CH1705": "nothing to learn from",
    "CH1706": "part of a bound out of place",
    "CH1707": "unknown attack",
    "CH1708": "source is not whole",
}
"""A code never changes its meaning and is never given again."""


PAGES = Path(__file__).parent / "pages"
"""One Markdown page for each code: what is found, why, and a wrong and a right example."""


def error(code: str, span: Span | None, detail: str, *related: Related) -> Diagnostic:
    """A finding that stops the compiler; its summary is the code's own."""
    return Diagnostic(code, Severity.ERROR, SUMMARIES[code], detail, span, related)


def warning(code: str, span: Span | None, detail: str, *related: Related) -> Diagnostic:
    """A finding that people should look at, and that stops nothing."""
    return Diagnostic(code, Severity.WARNING, SUMMARIES[code], detail, span, related)
