"""Which bounds ask for less than in an earlier run: nobody should sign without knowing that a control was loosened."""

from collections.abc import Iterator

from charter.compiler.compare import compare
from charter.compiler.ir import IR
from charter.compiler.order import Order
from charter.compiler.stated import of_ir
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore


def loosened(now: IR, before: IR) -> Iterator[str]:
    """A sentence for every control of `before` that `now` lacks, asks less of, or has put something else for."""
    version = before.lifecycle.version
    for change in compare(of_ir(before), of_ir(now)):
        if not change.loosens or change.old is None:
            continue
        id_, asked = change.old.id, f"version {version} asked for {change.old.text}"
        if change.new is None:
            yield f"{id_} is gone; {asked}"
        elif change.new.text != change.old.text:
            yield f"{id_} asks for {change.new.text}; {asked}"
        else:
            for side in (side for side in change.sides if side.control and side.order is not Order.TIGHTER):
                yield f"{id_}: {side.name} is {side.new}; in version {version} it was {side.old}"


def loosened_since(now: IR, stored: str, state: State, store: ArtifactStore) -> tuple[str, ...]:
    """The same against every earlier run of the lifecycle whose IR is still in the store.

    Args:
        stored: the digest of `now` as an artifact; a run of the very same asked for the same.
    """
    from charter.compiler.codec import BadIR, decode_ir
    from charter.runtime.failure import Failure

    found: dict[str, None] = {}
    for digest in dict.fromkeys(run.ir for run in state.runs):
        if digest == stored or not store.has(digest):
            continue
        try:
            found |= dict.fromkeys(loosened(now, decode_ir(store.read(digest))))
        except (BadIR, Failure):
            found[f"the charter of an earlier run ({digest}) cannot be read, so it was not compared"] = None
    return tuple(found)
