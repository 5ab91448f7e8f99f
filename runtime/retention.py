"""How long the law behind the packs asks to keep records of the ledger: what an erasure must wait for.

A floor follows what was in force when a record was made, and all that came later: a charter that is edited
afterwards takes nothing away.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from charter.runtime.events import RunOpened
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger, Tampered
from charter.runtime.store import ArtifactStore

if TYPE_CHECKING:
    from charter.policies.catalogue import Retention

_RUN_OPENED = str(RunOpened.__struct_config__.tag)
_EVIDENCE = frozenset({"stage.finished", "gate.decided", "statement.signed", "act.signed"})
"""Kinds of records that a floor on `evidence` covers; one on `ledger` covers all."""


class _Lifecycle(Struct, frozen=True):
    risk: str
    packs: tuple[str, ...]


class _IR(Struct, frozen=True):
    """The part of a compiled charter that floors depend on, whatever else its version has."""

    lifecycle: _Lifecycle


class Kept(Struct, frozen=True, order=True):
    """A floor that holds records until a time; `run` is the one under whose charter, `first` the first such record."""

    until: datetime
    pack: str
    lasting: str
    clause: str
    title: str
    run: str
    first: int


class _Opened(Struct, frozen=True):
    """A run of which the ledger knows; `ir` is the digest of its compiled charter, None when that record is erased."""

    seq: int
    run: str
    ir: str | None


def strictest(ledger: Ledger, store: ArtifactStore, targets: Collection[int]) -> Kept | None:
    """The floor that holds any of these records longest, of all runs from the record's own to the latest.

    Raises:
        Failure: the charter of one of these runs is gone, so what it asks for cannot be told.
    """
    wanted, opened, makers, newest = frozenset(targets), list[_Opened](), dict[int, tuple[str, object]](), ""
    for event in ledger.events(allow_erased=True):
        newest = event.time
        if event.kind == _RUN_OPENED:
            opened.append(_Opened(event.seq, str(event.body.get("run")), event.body.get("ir")))
        if event.seq in wanted:
            makers[event.seq] = event.kind, event.body.get("run")
    own = {seq: _own_run(opened, seq, maker) for seq, (_, maker) in makers.items()}
    found = list[Kept]()
    for index, run in enumerate(opened):
        held = [seq for seq in own if own[seq] <= index]
        if not held:
            continue
        for pack, floor, lasting in _floors(ledger, store, run):
            covered = [seq for seq in held if "ledger" in floor.keeps or _is_evidence(floor, makers[seq][0])]
            if covered:
                until = datetime.fromisoformat(newest) + lasting
                found.append(Kept(until, pack, floor.lasting, floor.clause, floor.title, run.run, min(covered)))
    return max(found, default=None)


def _own_run(opened: Sequence[_Opened], seq: int, maker: object) -> int:
    """Index of the run that made a record; of what people recorded between runs, the run before; else the first."""
    before = 0
    for index, run in enumerate(opened):
        if run.run == maker:
            return index
        if run.seq <= seq:
            before = index
    return before


def _is_evidence(floor: "Retention", kind: str) -> bool:
    return "evidence" in floor.keeps and kind in _EVIDENCE


def _floors(ledger: Ledger, store: ArtifactStore, run: _Opened) -> Iterator[tuple[str, "Retention", timedelta]]:
    """Pack, floor and length of every floor on records that a run's charter has."""
    from charter.compiler.units import parse_quantity
    from charter.policies.catalogue import UnknownPack, load_pack

    lifecycle = _compiled(ledger, store, run).lifecycle
    for name in dict.fromkeys(("core", *lifecycle.packs)):
        try:
            pack = load_pack(name)
        except UnknownPack as error:
            raise _unknown(run, f"it uses the pack `{name}`, which this version does not have") from error
        for floor in pack.retention:
            lasting = parse_quantity(floor.lasting)
            if lasting is not None and lifecycle.risk in floor.risk:
                yield name, floor, timedelta(seconds=float(lasting.value))


def _compiled(ledger: Ledger, store: ArtifactStore, run: _Opened) -> _IR:
    if not isinstance(run.ir, str):
        raise _unknown(run, "the record that says which one it was is erased")
    try:
        data = ledger.attachment(run.ir) or store.read(run.ir)
        return msgspec.json.decode(data, type=_IR)
    except (Failure, ValueError, RecursionError) as error:
        if isinstance(error, Tampered):
            raise
        raise _unknown(run, "it is neither in the ledger nor in the artifact store, or cannot be read") from error


def _unknown(run: _Opened, why: str) -> Failure:
    return Failure(
        "retention is not known",
        f"What the packs of the run at record {run.seq} ask to keep stands in its compiled charter: {why}. If a law "
        "asks for the erasure, name it with `--despite-retention`; it is recorded.",
        exit_code=ExitCode.DENIED,
    )
