"""What the standing of all stages comes to: the exit code that `run` and `status` share, and what is still to come."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from charter.compiler.ir import IR
from charter.runtime.assess import Assessment, Status
from charter.runtime.failure import ExitCode
from charter.runtime.follow_up import erasures
from charter.runtime.state import State


class Conclusion(Struct, frozen=True):
    """How a lifecycle stands.

    Attributes:
        code: the process's exit code.
        standing: every stage's standing.
        until: when the next thing falls due, if only time is waited for.
        erasures: datasets that a retirement has yet to erase, with their due times.
        ungoverned: what still serves although the charter no longer has such a deployment.
        records: size of the ledger.
    """

    code: ExitCode
    standing: Mapping[str, Assessment]
    until: datetime | None
    erasures: tuple[tuple[str, datetime], ...]
    ungoverned: tuple[str, ...]
    iteration: int
    records: int


def conclude(ir: IR, state: State, standing: Mapping[str, Assessment], *, engine_failed: bool = False) -> Conclusion:
    """Judge the whole: what was denied or failed counts, except a monitor's breach when what it watched is retired."""
    left = tuple((name, due) for name, due, _ in erasures(ir, state))
    times = [item.until for item in standing.values() if item.until is not None] + [due for _, due in left]
    return Conclusion(
        code=ExitCode.ENVIRONMENT if engine_failed else _code(standing, waits=bool(left), stray=_stray(ir, state)),
        standing=standing,
        until=min(times, default=None),
        erasures=left,
        ungoverned=_stray(ir, state),
        iteration=state.iteration,
        records=state.size,
    )


def _code(standing: Mapping[str, Assessment], *, waits: bool, stray: tuple[str, ...]) -> ExitCode:
    if not standing:
        return ExitCode.WRONG_INPUT
    closed = [item.stage for item in standing.values() if item.status in {Status.DENIED, Status.FAILED}]
    if stray or any(stage.kind != "monitor" for stage in closed):
        return ExitCode.DENIED
    if any(item.stage.kind == "retire" and item.status is Status.DONE for item in standing.values()):
        return ExitCode.WAITING if waits else ExitCode.OK
    if closed:
        return ExitCode.DENIED
    done = all(item.status is Status.DONE for item in standing.values())
    return ExitCode.OK if done else ExitCode.WAITING


def _stray(ir: IR, state: State) -> tuple[str, ...]:
    """Servers that live on although the charter no longer has their deployment: no gate and no monitor knows them."""
    present = {stage.id for stage in ir.stages}
    return tuple(
        f"{stage} at {server.get('address')}"
        for stage, servers in sorted(state.servers.items())
        for server in servers
        if stage not in present
    )
