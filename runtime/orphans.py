"""Files that a killed run left in the store: nothing names them, so no retirement would ever erase them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from charter.runtime.ledger.ledger import Recorded
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def was_cut_off(state: State) -> bool:
    """Whether the run before the latest never came to its end."""
    return len(state.runs) > 1 and state.runs[-2].run not in state.closed


def remove_orphans(store: ArtifactStore, events: Iterable[Recorded], *, but: str) -> int:
    """Remove what no record and not `but` names; returns how many. Nothing is removed when a record's body is gone."""
    named = {but}
    for event in events:
        if event.erased:
            return 0
        named.update(_digests(event.body))
    orphans = [digest for digest in store.digests() if digest not in named]
    for digest in orphans:
        store.erase(digest)
    return len(orphans)


def _digests(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _DIGEST.findall(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _digests(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _digests(part)
