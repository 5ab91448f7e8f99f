"""Whether a recall that work rests on is in force: recorded, and not lifted by an administrator of the trust root."""

from typing import TYPE_CHECKING

from charter.runtime.journal import Journal
from charter.runtime.people import act_records, trusted
from charter.runtime.project import Project
from charter.runtime.suspension import REINSTATE

if TYPE_CHECKING:
    from charter.runtime.trust.acts import ActRecord
    from charter.runtime.trust.root import TrustRoot


def recall_in_force(project: Project, journal: Journal, stage: str, key: str) -> str | None:
    """Why the work of a stage may not be used, as a sentence; None when no recall in force is about it."""
    recalls = journal.state.suspended.get((stage, key), ())
    if not recalls:
        return None
    trust = trusted(project, journal.state)
    lifted = {} if trust is None else _lifted(act_records(journal), trust)
    for name, seq in recalls:
        if lifted.get(name, -1) < seq:
            act = next(act for act in journal.state.acts if act.seq == seq)
            why = f": {act.body.comment}" if act.body.comment else ""
            return (
                f"`{name}` was recalled by {act.body.person} (record {seq}){why}; make it anew from something "
                "else, or have an administrator lift the recall with `charter recall --lift`"
            )
    return None


def _lifted(records: "tuple[ActRecord, ...]", trust: "TrustRoot") -> dict[str, int]:
    """What administrators have reinstated, with the latest record that says so; others may not, whatever they sign."""
    from charter.runtime.trust.acts import verified_act
    from charter.runtime.trust.genuine import NotGenuineError

    found: dict[str, int] = {}
    for record in records:
        if record.body.act == REINSTATE and record.body.person in trust.current.administrators.people:
            try:
                verified_act(record, trust)
            except NotGenuineError:
                continue
            found[record.body.name] = record.seq
    return found
