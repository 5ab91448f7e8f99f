"""Bounds whose evidence lacks a grade that only people can give: which they are, and who could give it now."""

from collections.abc import Iterator
from dataclasses import dataclass

from charter.compiler.ir import Requirement
from charter.runtime.report.source import Source
from charter.runtime.trust.attestations import own_work
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.times import parse_time, stamp

_ORDER = ("declared", "measured", "attested", "reproduced")


@dataclass(frozen=True, slots=True)
class Awaited:
    """A bound whose gate was denied for the grade of its evidence, and nobody has raised it since.

    Attributes:
        stage: where it was measured.
        people: who could raise it, by id: not whoever measured it.
        since: when the gate was decided, RFC 3339.
    """

    control: Requirement
    stage: str
    people: tuple[str, ...]
    since: str
    why: str


def awaited(source: Source) -> Iterator[Awaited]:
    """Every such bound. What was only declared waits for nobody where a second measurement is asked for."""
    for control in source.ir.controls:
        if not isinstance(control, Requirement) or control.least_grade not in ("attested", "reproduced"):
            continue
        stage = control.gate.partition(":")[0]
        result, decided = source.standing[stage].result, source.state.stage(stage).exit
        if result is None or decided is None or decided.body.key != result.body.key:
            continue
        denied = [
            str(item.get("message"))
            for item in decided.body.violations
            if item.get("control") == control.id and item.get("code") == "evidence_grade"
        ]
        grades = {record.grade for record in source.graded(result) if record.metric == control.metric}
        if not denied or not grades or (control.least_grade == "reproduced" and "declared" in grades):
            continue
        if min(map(_ORDER.index, grades)) < _ORDER.index(control.least_grade):
            people = able_to_raise(source, control)
            yield Awaited(control, stage, people, stamp(parse_time(decided.time)), denied[0].partition(": ask ")[0])


def able_to_raise(source: Source, control: Requirement) -> tuple[str, ...]:
    """Who could give a bound's evidence the grade that it lacks."""
    trust = source.trust
    result = source.standing[control.gate.partition(":")[0]].result
    if trust is None or result is None:
        return ()
    return tuple(
        who
        for who in _candidates(source, control, trust)
        if trust.keys_of(who) and own_work(source.ir, who, result.body.key, source.state, trust) is None
    )


def _candidates(source: Source, control: Requirement, trust: TrustRoot) -> list[str]:
    """An attestation takes a role of the charter; to measure again takes nothing but a key."""
    if control.least_grade == "reproduced":
        return [person.id for person in trust.current.people]
    return sorted({who for role in source.ir.roles for who in trust.members(role.name)})


def raising_command(control: Requirement) -> str:
    """What somebody who can types to raise the grade of a bound's evidence; empty where only the runtime can."""
    stage = control.gate.partition(":")[0]
    return {
        "attested": f"charter attest {stage}:{control.metric} --role ROLE --key YOUR.key",
        "reproduced": f"charter reproduce {stage} --key YOUR.key",
    }.get(control.least_grade, "")
