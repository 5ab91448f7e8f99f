"""Each control beside what was measured for it and what its gate said: what approvers and readers compare."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from charter.compiler.ir import Control, PolicyControl, Requirement
from charter.runtime.events import EvidenceRecord, GateDecided
from charter.runtime.report.numbers import decimal_of, shown
from charter.runtime.state import Decided, StageState

Standing = Literal["met", "breached", "waived", "advisory", "warned", "unproved", "stale", "pending"]

STANDING_WORDS: Mapping[Standing, str] = {
    "met": "met",
    "breached": "not met",
    "waived": "waived",
    "advisory": "not met (advisory)",
    "warned": "met, with a warning",
    "unproved": "not evaluated",
    "stale": "met before a change",
    "pending": "not decided yet",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """Where a value, its interval and the bound lie on a line, in percent of its length."""

    value: float
    low: float | None
    high: float | None
    bound: float | None
    allowed_from: float = 0
    allowed_to: float = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """One piece of evidence in words.

    `met` is what the gate said of exactly this item; None where it did not say.
    """

    label: str
    value: str
    exact: str
    interval: str
    n: str
    grade: str
    method: str
    met: bool | None
    gauge: Gauge | None


@dataclass(frozen=True, slots=True)
class ControlView:
    """One control, its evidence, and its gate's word on it.

    Attributes:
        place: where the charter says it, `credit.charter:74`.
        messages, remedies, clauses: of the decision, when the control is not met.
        fragile: met by the point estimate alone, while an interval reaches past the bound.
        seq: the decision's place in the ledger.
    """

    id: str
    kind: str
    text: str
    gate: str
    place: str
    enforce: str
    standing: Standing
    messages: tuple[str, ...]
    remedies: tuple[str, ...]
    clauses: tuple[str, ...]
    measured: tuple[Measured, ...]
    fragile: bool
    seq: int | None

    @property
    def word(self) -> str:
        """The standing in words."""
        return STANDING_WORDS[self.standing]


def is_stale(decided: Decided, key: str | None, bundle: str) -> bool:
    """Whether a gate allowed other work than now counts, or under other policies: no green for what there is now."""
    return decided.body.allow and (decided.body.bundle != bundle or key not in {None, decided.body.key})


def control_view(
    control: Control, state: StageState, records: Sequence[EvidenceRecord], key: str | None, bundle: str
) -> ControlView:
    """A control of one of a stage's gates, as the latest decision left it.

    Args:
        control: it.
        state: of its stage.
        records: what its stage measured last, with the grades of now.
        key: result key of the work that counts now; None when that is not known.
        bundle: digest of the policies in force.
    """
    decided = state.entry if control.gate.endswith(":entry") else state.exit
    found = [] if decided is None else _findings(decided.body, control.id)
    stale = decided is not None and is_stale(decided, key, bundle)
    standing = "stale" if stale else _standing(control, decided)
    measured = _measured(control, records, standing, found) if isinstance(control, Requirement) else ()
    return ControlView(
        id=control.id,
        kind=_KINDS[type(control).__name__],
        text=control.text,
        gate=control.gate,
        place=f"{control.place.file}:{control.place.line}",
        enforce=getattr(control, "enforce", "mandatory"),
        standing=standing,
        messages=_unique(str(item.get("message", "")) for item in found),
        remedies=_unique(str(item.get("remedy") or "") for item in found),
        clauses=_unique(str(clause) for item in found for clause in item.get("clauses") or ()),
        measured=measured,
        fragile=standing == "met" and isinstance(control, Requirement) and _fragile(control, records),
        seq=None if decided is None else decided.seq,
    )


_KINDS = {
    "Requirement": "requirement",
    "Approval": "approval",
    "RetirementCriterion": "retirement criterion",
    "PolicyControl": "policy",
}


def _findings(body: GateDecided, control: str) -> list[dict[str, Any]]:
    return [item for item in (*body.violations, *body.warnings) if item.get("control") == control]


def _standing(control: Control, decided: Decided | None) -> Standing:
    if decided is None:
        return "pending"
    body = decided.body
    if any(item.get("control") == control.id for item in body.violations):
        return "breached"
    warned = [item for item in body.warnings if item.get("control") == control.id]
    if any(item.get("waiver") for item in warned):
        return "waived"
    if warned:
        # The team's own Rego may warn by itself; that is no breach of what it demands.
        return "warned" if isinstance(control, PolicyControl) and control.enforce != "advisory" else "advisory"
    return "met" if control.id in body.evaluated else "unproved"


def evidence_of(control: Requirement, records: Iterable[EvidenceRecord]) -> list[EvidenceRecord]:
    """The records that a requirement is about."""
    wanted = (control.metric, control.each, control.over, control.on)
    return [
        record
        for record in records
        if (record.metric, record.each, record.over, record.on) == wanted
        and (record.attack is None) == (control.attack is None)
    ]


_ALL_ITEMS: Mapping[Standing, bool | None] = {
    "met": True,
    "warned": True,
    "pending": None,
    "unproved": None,
    "stale": None,
}


def _measured(
    control: Requirement, records: Iterable[EvidenceRecord], standing: Standing, found: list[dict[str, Any]]
) -> tuple[Measured, ...]:
    bad = {(item.get("evidence") or {}).get("item") for item in found}
    views = []
    about = evidence_of(control, records)
    scale = _scale(control, about)
    for record in about:
        met: bool | None = _ALL_ITEMS.get(standing, record.item not in bad)
        views.append(
            (
                met is not False,
                _slack(control, record),
                measured_view(record, met=met, gauge=_gauge(record, control, scale)),
            )
        )
    # What fails comes first, then what came closest to failing.
    views.sort(key=lambda item: (item[0], item[1]))
    return tuple(view for _, _, view in views)


def _fragile(control: Requirement, records: Iterable[EvidenceRecord]) -> bool:
    for record in evidence_of(control, records):
        worse = decimal_of(record.low if control.comparison in {">=", ">"} else record.high)
        if worse is not None and (float(worse) - control.bound) * (1 if control.comparison in {">=", ">"} else -1) < 0:
            return True
    return False


def _slack(control: Requirement, record: EvidenceRecord) -> float:
    value = decimal_of(record.value)
    if value is None:
        return 0.0
    distance = float(value) - control.bound
    return distance if control.comparison in {">=", ">"} else -distance


def measured_view(record: EvidenceRecord, *, met: bool | None = None, gauge: Gauge | None = None) -> Measured:
    """One record in words."""
    interval = ""
    if record.low is not None and record.high is not None:
        interval = f"{shown(record.low, record.unit)} to {shown(record.high, record.unit)}"
    confidence = decimal_of(record.confidence)
    method = ", ".join(filter(None, [f"{float(confidence) * 100:g}%" if confidence else "", record.method or ""]))
    return Measured(
        label=label(record),
        value=shown(record.value, record.unit),
        exact=str(record.value),
        interval=interval,
        n="" if record.n is None else f"{record.n:,}",
        grade=record.grade,
        method=method,
        met=met,
        gauge=gauge,
    )


def label(record: EvidenceRecord) -> str:
    """`psi of income`, `demographic_parity_ratio over sex`."""
    words = [record.metric]
    if record.item is not None or record.each is not None:
        words.append(f"of {record.item if record.item is not None else f'each {record.each}'}")
    words += [f"over {record.over}"] if record.over else []
    words += [f"on {record.on}"] if record.on else []
    words += [f"under {record.attack}"] if record.attack else []
    return " ".join(words)


def _scale(control: Requirement, records: Iterable[EvidenceRecord]) -> tuple[float, float] | None:
    """Both ends of the line on which all items of a control are drawn, so that they can be compared."""
    values = [float(value) for record in records if (value := decimal_of(record.value)) is not None]
    if not values or control.comparison == "==":
        return None
    ends = [decimal_of(end) for record in records for end in (record.low, record.high)]
    points = [*values, control.bound, *(float(end) for end in ends if end is not None)]
    span = (max(points) - min(points)) or abs(control.bound) or 1.0
    start, end = min(points) - 0.35 * span, max(points) + 0.35 * span
    start = max(start, 0.0) if min(points) >= 0 else start
    end = min(end, 1.0) if control.unit == "ratio" else end
    return (start, end) if end > start else None


def _gauge(record: EvidenceRecord, control: Requirement, scale: tuple[float, float] | None) -> Gauge | None:
    value = decimal_of(record.value)
    if value is None or scale is None:
        return None
    start, end = scale

    def at(point: float) -> float:
        return round(min(max(100 * (point - start) / (end - start), 0.0), 100.0), 2)

    low, high = decimal_of(record.low), decimal_of(record.high)
    whole = low is not None and high is not None
    upward = control.comparison in {">=", ">"}
    bound = at(control.bound)
    return Gauge(
        value=at(float(value)),
        low=at(float(low)) if whole and low is not None else None,
        high=at(float(high)) if whole and high is not None else None,
        bound=bound,
        allowed_from=bound if upward else 0,
        allowed_to=100 if upward else bound,
    )


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, items)))
