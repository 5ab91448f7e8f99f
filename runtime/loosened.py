"""Which bounds ask for less than in an earlier run: nobody should sign without knowing that a control was loosened."""

from collections.abc import Iterator

from charter.compiler.ir import IR, Approval, PolicyControl, Requirement
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore

_FLOORS = frozenset({">=", ">"})
_RANKS = {"advisory": 0, "mandatory": 1, "absolute": 2}


def loosened(now: IR, before: IR) -> Iterator[str]:
    """A sentence for every control of `before` that `now` lacks or asks less of."""
    present = {control.id: control for control in now.controls}
    for old in before.controls:
        new = present.get(old.id)
        if new is None or type(new) is not type(old):
            if isinstance(old, Requirement | Approval | PolicyControl):
                yield f"{old.id} is gone; version {before.lifecycle.version} asked for {old.text}"
        elif isinstance(old, Requirement) and isinstance(new, Requirement):
            if _asks_less(old, new):
                yield f"{old.id} asks for {new.text}; version {before.lifecycle.version} asked for {old.text}"
        elif isinstance(old, Approval) and isinstance(new, Approval):
            if new.quorum < old.quorum or set(old.excluding) - set(new.excluding):
                yield f"{old.id} asks for {new.text}; version {before.lifecycle.version} asked for {old.text}"
        elif isinstance(old, PolicyControl) and isinstance(new, PolicyControl) and _softer(old.enforce, new.enforce):
            yield f"{old.id} is {new.enforce}; in version {before.lifecycle.version} it was {old.enforce}"


def loosened_since(now: IR, state: State, store: ArtifactStore) -> tuple[str, ...]:
    """The same against every earlier run of the lifecycle whose IR is still in the store."""
    from charter.compiler.codec import BadIR, decode_ir
    from charter.runtime.failure import Failure

    found: dict[str, None] = {}
    for digest in dict.fromkeys(run.ir for run in state.runs):
        if digest == now.digest or not store.has(digest):
            continue
        try:
            before = decode_ir(store.read(digest))
        except (BadIR, Failure):
            found[f"the charter of an earlier run ({digest}) cannot be read, so it was not compared"] = None
            continue
        found |= dict.fromkeys(loosened(now, before))
    return tuple(found)


def _asks_less(old: Requirement, new: Requirement) -> bool:
    floor = old.comparison in _FLOORS
    lower = new.bound < old.bound if floor else new.bound > old.bound
    strictness = new.bound == old.bound and old.comparison in {">", "<", "=="} and new.comparison != old.comparison
    less_sure = (old.confidence or 0.0) > (new.confidence or 0.0)
    other_way = (new.comparison in _FLOORS) != floor
    return lower or strictness or less_sure or other_way or _softer(old.enforce, new.enforce)


def _softer(old: str, new: str) -> bool:
    return _RANKS[new] < _RANKS[old]
