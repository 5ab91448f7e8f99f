"""CloudEvents 1.0 (CNCF), as a batch in JSON format: one event a record."""

import json
from urllib.parse import quote

from charter.runtime.audit.exports.source import Exported
from charter.runtime.audit.past import Past

TYPE_PREFIX = "charter.audit."


def cloudevents(past: Past) -> Exported:
    """Every record; `sequence` is the extension of that name, `id` the record's, `source` the ledger."""
    source = f"/{quote(past.ledger.origin)}"
    events = [
        {
            "specversion": "1.0",
            "id": event.idem,
            "source": source,
            "type": f"{TYPE_PREFIX}{event.kind}",
            "subject": event.subject,
            "time": event.time,
            "sequence": f"{event.seq:015d}",
            **({} if event.erased else {"datacontenttype": "application/json", "data": event.body}),
        }
        for event in past.events
    ]
    return Exported(json.dumps(events, indent=1, ensure_ascii=True).encode() + b"\n", f"{len(events)} records")
