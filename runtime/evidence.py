"""Evidence between its three forms: a stage's JSON, the ledger's record, and the policy input.

In the ledger numbers are decimal strings (its canonical form has no floats); policies compare numbers.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from charter.runtime.events import EvidenceRecord

Grade = Literal["declared", "measured", "attested", "reproduced"]
_NUMBERS = ("value", "low", "high", "confidence")


def evidence_record(item: Mapping[str, Any], *, grade: Grade) -> EvidenceRecord:
    """The ledger's record of what a stage returned; the grade is the runtime's to give, never the stage's."""
    value = item["value"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fields = {key: part for key, part in item.items() if key != "grade"}
    for name in _NUMBERS:
        if isinstance(fields.get(name), int | float) and not isinstance(fields[name], bool):
            fields[name] = decimal(fields[name])
    return msgspec.convert(fields | {"grade": grade, "number": number}, EvidenceRecord)


def policy_evidence(record: EvidenceRecord) -> dict[str, Any]:
    """The record as policies see it: numbers are numbers again."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    fields.pop("number", None)
    if record.number:
        fields["value"] = number(str(record.value))
    for name in ("low", "high", "confidence"):
        if name in fields:
            fields[name] = number(fields[name])
    return fields


def decimal(value: float) -> str:
    """Shortest decimal string that reads back as the same number."""
    return repr(value)


def number(text: str) -> int | float:
    """The number that a decimal string stands for."""
    try:
        return int(text)
    except ValueError:
        return float(text)
