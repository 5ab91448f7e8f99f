"""What exports are made from, and the few things that they share."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from charter.runtime.audit.gone import counted
from charter.runtime.audit.past import Past
from charter.runtime.events import GateDecided, RunOpened

_NAMES = uuid.UUID("5d1c0a36-6b7e-5d0b-9c55-7f6f2c1f9a41")
"""Name space of the identifiers below; made once, at random."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A document, and how much of the ledger is in it.

    Attributes:
        data: the bytes to write.
        what: what the document holds, in words, such as `25 decisions`.
        left_out: what it does not hold, in words; empty when it holds everything.
    """

    data: bytes
    what: str
    left_out: str = ""


def identifier(past: Past, *parts: object) -> str:
    """A UUID that the same ledger gives for the same thing each time (version 5)."""
    name = "\x00".join((past.ledger.origin, past.ledger.root.hex(), *map(str, parts)))
    return str(uuid.uuid5(_NAMES, name))


def latest_run(past: Past) -> RunOpened | None:
    """The run that was opened last."""
    return next(reversed(past.runs.values()), None)


def last_time(past: Past) -> str:
    """When the last record was made; a ledger without records has none."""
    return past.events[-1].time if past.events else "1970-01-01T00:00:00.000000Z"


def decided(past: Past) -> list[tuple[int, str, GateDecided]]:
    """Every decision whose body is there."""
    return [(item.seq, item.time, item.body) for item in past.decisions if item.body is not None]


def unmet(body: GateDecided) -> list[Mapping[str, Any]]:
    """What a decision found breached: what it denied for, and what it let pass under a waiver."""
    return [*body.violations, *(item for item in body.warnings if item.get("waiver"))]


def waiver_of(item: Mapping[str, Any]) -> str:
    """How a breach was let pass, to go behind what is said of it; empty when it was not."""
    return f" (let pass under the waiver `{item['waiver']}`)" if item.get("waiver") else ""


def gone(past: Past) -> str:
    """Says which bodies are gone, when some are."""
    words = [past.erasures.word(event) for event in past.events]
    return "; ".join(counted(word, words.count(word)) for word in ("missing", "erased") if word in words)
