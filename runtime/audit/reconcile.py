"""Is everything in it: the ledger's runs against a list that somebody else kept, such as a CI system's."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from charter.runtime.audit.reading import read_text
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Recorded

_LARGEST = 256 << 20
LEDGER_FIELDS = {
    "run": "run.opened",
    "ir": "run.opened",
    "actor": "run.opened",
    "subject": "",
    "id": "",
}
"""What rows can be matched with, and the kind of event that it is read from (empty: every kind)."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What stands in one list and not in the other.

    Attributes:
        rows, records: how many there are on each side.
        unrecorded: in the list, not in the ledger.
        unlisted: in the ledger, not in the list; with the first record's number.
        repeated: more than once in the list.
    """

    rows: int
    records: int
    unrecorded: tuple[str, ...]
    unlisted: tuple[tuple[str, int], ...]
    repeated: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """DENIED when the two differ, INCOMPLETE when there is nothing to compare."""
        if self.unrecorded or self.unlisted or self.repeated:
            return ExitCode.DENIED
        return ExitCode.OK if self.rows and self.records else ExitCode.INCOMPLETE


def reconcile(listed: Iterable[str], events: Iterable[Recorded], field: str) -> Reconciled:
    """Compare values of a list with those of the ledger."""
    counted = Counter(listed)
    recorded: dict[str, int] = {}
    for event in events:
        value = _value(event, field)
        if value is not None:
            recorded.setdefault(value, event.seq)
    return Reconciled(
        rows=counted.total(),
        records=len(recorded),
        unrecorded=tuple(sorted(counted.keys() - recorded.keys())),
        unlisted=tuple((value, seq) for value, seq in recorded.items() if value not in counted),
        repeated=tuple(sorted(value for value, count in counted.items() if count > 1)),
    )


def read_column(path: Path, key: str) -> list[str]:
    """The values of one column of a CSV file with a heading.

    Raises:
        Failure: the file is missing, empty, no CSV, too large, has no such column, or a row without a value there.
    """
    text = read_text(path, "list", _LARGEST, "utf-8-sig")
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = list(rows.fieldnames or ())
        if names.count(key) != 1:
            there = ", ".join(f"`{name}`" for name in names[:20]) or "none"
            word = "no column" if key not in names else "more than one column"
            raise Failure("no such column", f"`{path}` has {word} `{key}`. Its columns: {there}.")
        found = []
        for row in rows:
            value = (row.get(key) or "").strip()
            if not value:
                raise Failure(
                    "row without a key",
                    f"`{path}`, line {rows.line_num}: `{key}` is empty, so the row cannot be compared. Complete it.",
                )
            found.append(value)
        return found
    except csv.Error as error:
        raise Failure("not a CSV file", f"`{path}` cannot be read as CSV: {error}.") from None


def _value(event: Recorded, field: str) -> str | None:
    kind = LEDGER_FIELDS[field]
    if kind and event.kind != kind:
        return None
    own: Mapping[str, object] = {"subject": event.subject, "id": event.idem}
    value = own.get(field, event.body.get(field))
    return str(value) if isinstance(value, str | int) else None
