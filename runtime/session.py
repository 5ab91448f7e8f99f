"""Opens what a command needs: the compiled charter, the project, its ledger and its policy engine."""

import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from charter.compiler.ir import IR
from charter.runtime.erased import lost
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.journal import Journal
from charter.runtime.ledger.ledger import Ledger, Recorded
from charter.runtime.project import Project
from charter.runtime.state import State
from charter.runtime.store import ArtifactStore

if TYPE_CHECKING:
    from charter.runtime.trust.keys import PublicKey


def compiled(path: Path, overrides: Mapping[str, str]) -> IR:
    """The IR of a charter, or of an IR file (`*.json`).

    Raises:
        Failure: the charter has errors; the detail shows them as `charter check` does.
    """
    from charter.compiler.compile import compile_charter

    if path.suffix == ".json":
        return _read_ir(path)
    result = compile_charter(path, overrides=overrides)
    if result.ir is None:
        from charter.dsl.render import render_text

        findings = render_text(result.diagnostics, result.sources, color=False)
        raise Failure("the charter has errors, so nothing was done", findings.rstrip(), rendered=True)
    return result.ir


def _read_ir(path: Path) -> IR:
    from charter.compiler.codec import BadIR, decode_ir

    try:
        if not path.is_file():
            raise Failure(
                "no such IR", f"`{path}` is not a file. Make it with `charter compile CHARTER -o {path.name}`."
            )
        ir = decode_ir(path.read_bytes())
        _as_compiled(ir, path)
        return ir
    except BadIR as error:
        raise Failure(error.summary, f"`{path}`: {error.detail}") from error
    except OSError as error:
        raise Failure("cannot read the IR", f"`{path}`: {error.strerror}.") from error


def _as_compiled(ir: IR, path: Path) -> None:
    """An IR file must be what a charter compiles to, its bundle included: the digests in the file are not signed."""
    from charter.compiler.genuine import changed_by_hand
    from charter.compiler.rego.bundle import BundleInput, build_bundle

    own = "charter/project/"
    bundle, _ = build_bundle(
        BundleInput(
            lifecycle=ir.lifecycle,
            controls=ir.controls,
            waivers=ir.waivers,
            gates=tuple(gate for stage in ir.stages for gate in (stage.entry, stage.exit)),
            policies={name.removeprefix(own): text for name, text in ir.bundle.modules.items() if name.startswith(own)},
        )
    )
    said = next(changed_by_hand(ir), None)
    if said is not None:
        raise Failure(
            "not as it was compiled",
            f"{said}, in `{path}`, is not as a charter compiles to it. It was changed by hand, or made by another "
            "version of Charter. Compile the charter again.",
            exit_code=ExitCode.DENIED,
        )
    ours = all(stage.project_code != (stage.callable or "charter.").startswith("charter.") for stage in ir.stages)
    if bundle is None or bundle.digest != ir.bundle.digest or not ours:
        raise Failure(
            "policies that are not the charter's",
            f"the policies in `{path}` are not those that its controls make, or its stages are not what they say. It "
            "was changed by hand, or made by another version of Charter. Compile the charter again.",
            exit_code=ExitCode.DENIED,
        )


def project_of(path: Path) -> Project:
    """The project that a charter file belongs to: its directory."""
    return Project(path.absolute().parent)


def open_ledger(project: Project, lifecycle: str, *, create: bool) -> Ledger:
    """The project's ledger, for appending."""
    return Ledger.open(
        project.ledger_path,
        key_path=project.ledger_key_path,
        origin=f"charter/{lifecycle}",
        create=create,
        anchor_path=project.checkpoints_path,
    )


@contextmanager
def open_journal(project: Project, lifecycle: str, *, create: bool, holds_back: bool = False) -> Iterator[Journal]:
    """The project's ledger with its fold; `holds_back` as in `Journal`."""
    with open_ledger(project, lifecycle, create=create) as ledger:
        yield Journal(ledger, holds_back=holds_back)


def recorded_events(project: Project) -> Iterator[Recorded]:
    """What is recorded, without a key and without writing, erased bodies included; nothing when there is no ledger."""
    from charter.runtime.ledger.anchors import last_anchor

    newest = last_anchor(project.checkpoints_path)
    signed = newest[1].size if newest else 0
    if not project.ledger_path.exists():
        _refuse_rollback(project, signed, 0)
        return
    with Ledger.open_read_only(project.ledger_path) as ledger:
        _refuse_rollback(project, signed, ledger.size)
        yield from ledger.events(allow_erased=True)


def _refuse_rollback(project: Project, signed: int, present: int) -> None:
    """What stands on fewer records than were signed once is not shown as the state of anything."""
    if present < signed:
        raise Failure(
            "the ledger was rolled back",
            f"`{project.checkpoints_path}` has a signed checkpoint of {signed} records, and the ledger has {present}. "
            "Rely on nothing here. Restore the ledger from a backup; `charter audit verify` says what is wrong.",
            exit_code=ExitCode.DENIED,
        )


def recorded_state(project: Project) -> State:
    """The fold of what is recorded; empty when nothing is. `gaps` says what is missing in it."""
    from charter.runtime.state import fold

    return fold(recorded_events(project))


def recorded_ir(project: Project, state: State) -> IR:
    """The IR of the latest run.

    Raises:
        Failure: nothing has run here, or the IR is gone from the store.
    """
    from charter.compiler.codec import BadIR, decode_ir

    if not state.runs and state.gaps:
        raise Failure(
            "what ran is erased",
            f"The records of the runs are erased ({lost(state.gaps[min(state.gaps)])}), so nothing can be concluded. "
            "`charter audit log` shows what is left.",
            exit_code=ExitCode.INCOMPLETE,
        )
    if not state.runs:
        raise Failure("nothing has run here", "run `charter run` first.", exit_code=ExitCode.WRONG_INPUT)
    try:
        return decode_ir(ArtifactStore(project.store).read(state.runs[-1].ir))
    except BadIR as error:
        raise Failure(error.summary, f"the IR of the latest run: {error.detail}") from error


def new_run_name() -> str:
    """An unguessable name for a run."""
    return f"run-{secrets.token_hex(8)}"


class Actor(Struct, frozen=True):
    """Who asked for the run; `key` is None when nobody proved who they are."""

    name: str
    key: str | None = None


def claimed_actor() -> Actor:
    """The system's user: a claim, good for a log and for nothing else."""
    import getpass

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid-{os.getuid()}"
    return Actor(f"{user}@{socket.gethostname()}")


def dead_deployments(state: State) -> frozenset[str]:
    """Names of deployments whose recorded server does not answer any more."""
    live = {stage: servers[-1] for stage, servers in state.servers.items() if servers}
    if not live:
        return frozenset()
    from charter.runtime.stages.serving import server_alive

    return frozenset(stage.partition("/")[2] for stage, server in live.items() if not server_alive(server))


def ledger_time(state: State) -> datetime:
    """The later of the clock and the ledger's last record."""
    clock = datetime.now(UTC)
    return max(clock, datetime.fromisoformat(state.last_time)) if state.last_time else clock


def authenticated_actor(project: Project, key: "PublicKey", shown_as: Path) -> Actor:
    """The person of the trust root whose key this is; the caller has shown that it holds the private half.

    Raises:
        Failure: no trust root, or a key that nobody in the trust root holds.
    """
    from charter.runtime.trust import file

    person = file.load(project).person_of(key.id)
    if person is None:
        raise Failure(
            "key of nobody",
            f"nobody in `{project.trust_root_path.name}` holds the key of `{shown_as}` ({key.id}). An administrator "
            "adds people with `charter trust add`.",
        )
    return Actor(person.id, key.id)
