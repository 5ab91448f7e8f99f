"""JSON Lines and CSV: one line a record, in order."""

import csv
import io
import json
from collections.abc import Callable, Iterable

from charter.runtime.audit.exports.source import Exported
from charter.runtime.audit.past import Past
from charter.runtime.audit.sentences import outcome, sentence
from charter.runtime.ledger import Recorded

COLUMNS = ("seq", "time", "kind", "subject", "outcome", "what", "body", "id")


def document(event: Recorded, gone: str = "") -> dict[str, object]:
    """A record as one flat document; the body is null when it is gone, `erased` or `missing`."""
    return {
        "seq": event.seq,
        "time": event.time,
        "kind": event.kind,
        "subject": event.subject,
        "outcome": outcome(event, gone),
        "what": sentence(event, gone),
        "id": event.idem,
        "body": None if event.erased else event.body,
    }


def jsonl(past: Past) -> Exported:
    """One JSON document a line (ASCII, so that control and bidirectional characters are spelled out)."""
    text = "".join(
        json.dumps(document(event, past.erasures.word(event)), ensure_ascii=True) + "\n" for event in past.events
    )
    return Exported(text.encode(), f"{len(past.events)} records")


def table(past: Past, cell: Callable[[object], str]) -> Exported:
    """CSV (RFC 4180) with a heading.

    Args:
        past: the ledger.
        cell: makes a value harmless for spreadsheets and terminals.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(past, cell))
    return Exported(target.getvalue().encode(), f"{len(past.events)} records")


def _rows(past: Past, cell: Callable[[object], str]) -> Iterable[list[str]]:
    for event in past.events:
        row = document(event, past.erasures.word(event))
        row["body"] = json.dumps(row["body"], ensure_ascii=True)
        yield [cell(row[name]) for name in COLUMNS]
