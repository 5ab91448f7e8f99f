"""What is not as it was when somebody last approved: what was measured, what was made, and what the charter means."""

from collections.abc import Iterator
from dataclasses import dataclass

from charter.compiler.ir import IR, Approval
from charter.runtime.events import EvidenceRecord
from charter.runtime.failure import Failure
from charter.runtime.report.controls import label
from charter.runtime.report.numbers import shown
from charter.runtime.report.source import Source
from charter.runtime.store import ArtifactStore
from charter.runtime.trust import dsse
from charter.runtime.trust.genuine import PAYLOAD_TYPE
from charter.runtime.trust.statement import Predicate, Reviewed, read_statement

_MOST = 40


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since an approval.

    Attributes:
        person, time, seq: of the last approval that was signed, whether or not it counts now.
        lines: the changes in words; empty when what there is to review is the same.
    """

    person: str
    time: str
    seq: int
    lines: tuple[str, ...]


def changes_since(source: Source, approval: Approval) -> Changes | None:
    """What changed since the approval was last given; None when it never was.

    What was signed is read from the envelope as it is: this informs and decides nothing.
    """
    for record in reversed(source.signed):
        if record.body.approval != approval.id or record.body.type != "approve":
            continue
        try:
            payload, _ = dsse.open_envelope(record.envelope, PAYLOAD_TYPE, {})
            then = read_statement(payload).predicate
        except Failure:
            continue
        found = list(_changed(source, then, source.reviewed(approval), record.body.run))
        lines = [*found[:_MOST], *([f"and {len(found) - _MOST} more"] if len(found) > _MOST else [])]
        return Changes(record.body.person, record.time, record.seq, tuple(lines))
    return None


def _changed(source: Source, then: Predicate, now: Reviewed, run: str) -> Iterator[str]:
    before = then.reviewed
    if before.iteration != now.iteration:
        yield f"it was about iteration {before.iteration}; this is iteration {now.iteration}"
    yield from _controls(source, then, now)
    for stage in sorted({*before.evidence, *now.evidence}):
        yield from _evidence(stage, before.evidence.get(stage, ()), now.evidence.get(stage, ()))
    for name in sorted({*before.artifacts, *now.artifacts}):
        if name not in now.artifacts:
            yield f"{name} is no longer made"
        elif before.artifacts.get(name) != now.artifacts[name]:
            yield f"{name} is another file" if name in before.artifacts else f"{name} is new"
    if before.meaning != now.meaning:
        yield from _meaning(source, run)


def _controls(source: Source, then: Predicate, now: Reviewed) -> Iterator[str]:
    texts = {control.id: control.text for control in source.ir.controls}
    before = then.reviewed
    for name in sorted({*before.controls, *now.controls}):
        was, is_ = then.controls.get(name, "something"), texts.get(name, "something")
        if name not in now.controls:
            yield f"{name} is gone; it asked for {was}"
        elif name not in before.controls:
            yield f"{name} is new: {is_}"
        elif before.controls[name] != now.controls[name]:
            yield f"{name} asks for {is_}; it asked for {was}"
    for name in sorted({*before.waivers, *now.waivers}):
        if before.waivers.get(name) != now.waivers.get(name):
            word = "is gone" if name not in now.waivers else "changed" if name in before.waivers else "is new"
            yield f"the waiver {name} {word}"


def _evidence(stage: str, before: tuple[EvidenceRecord, ...], now: tuple[EvidenceRecord, ...]) -> Iterator[str]:
    was, is_ = ({label(record): record for record in records} for records in (before, now))
    for name in dict.fromkeys((*was, *is_)):
        old, new = was.get(name), is_.get(name)
        if old == new:
            continue
        if old is None or new is None:
            state = "no longer measured" if new is None else f"new: {shown(new.value, new.unit)}"
            yield f"{name} of {stage} is {state}"
        elif old.value != new.value:
            yield f"{name} of {stage} is {shown(new.value, new.unit)}; it was {shown(old.value, old.unit)}"
        else:
            yield f"{name} of {stage} has the same value, and another interval, n, method or grade"


def _meaning(source: Source, run: str) -> Iterator[str]:
    before = _ir_of(source, run)
    if before is None:
        yield "the charter means something else; the charter of then is not in the store any more"
        return
    old, new = before.declarations, source.ir.declarations
    for name in sorted({*old, *new}):
        if name not in new:
            yield f"the charter no longer has {name}"
        elif name not in old:
            yield f"the charter has a new {name}"
        elif old[name].digest != new[name].digest:
            yield f"the charter says something else of {name}"


def _ir_of(source: Source, run: str) -> IR | None:
    from charter.compiler.codec import BadIR, decode_ir

    opened = next((item for item in source.state.runs if item.run == run), None)
    store = ArtifactStore(source.project.store)
    if opened is None or not store.has(opened.ir):
        return None
    try:
        return decode_ir(store.read(opened.ir))
    except (BadIR, Failure):
        return None
