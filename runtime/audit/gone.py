"""Which bodies and attachments were erased by a record that says so: what else is gone was taken away."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from charter.runtime.ledger import Ledger, Recorded
from charter.runtime.ledger.administration import ERASED, erased_records


@dataclass
class Erasures:
    """What recorded erasures name: numbers of records that come before them, and digests (hex) of attachments."""

    records: set[int] = field(default_factory=set)
    attachments: set[str] = field(default_factory=set)

    def see(self, event: Recorded) -> None:
        """Take an event's word for it, if it is an erasure."""
        if event.kind == ERASED and not event.erased:
            self.records.update(erased_records(event.seq, event.body))
            listed = event.body.get("attachments_erased")
            self.attachments.update(
                digest for digest in (listed if isinstance(listed, list | tuple) else ()) if isinstance(digest, str)
            )

    def word(self, event: Recorded) -> str:
        """What became of a body: `erased`, or `missing` when no record says why; empty when it is there."""
        return "" if not event.erased else "erased" if event.seq in self.records else "missing"


class Gone:
    """A ledger's erasures, read when a body turns out to be gone: most ledgers have all of theirs."""

    def __init__(self, ledger: Ledger) -> None:
        self.find = cache(lambda: erasures(ledger.events(kinds={ERASED}, allow_erased=True)))

    def word(self, event: Recorded) -> str:
        """As `Erasures.word`."""
        return self.find().word(event) if event.erased else ""


def erasures(events: Iterable[Recorded]) -> Erasures:
    """What the erasures among these events name."""
    found = Erasures()
    for event in events:
        found.see(event)
    return found


def counted(word: str, count: int) -> str:
    """So many bodies are gone, in a clause."""
    bodies = f"{count:,} {'body' if count == 1 else 'bodies'}"
    if word == "erased":
        return f"{bodies} erased, by a record that says why"
    return f"{bodies} MISSING WITHOUT ANY RECORD OF IT: somebody took {'it' if count == 1 else 'them'} out"
