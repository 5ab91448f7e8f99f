"""`charter audit anchor`: have the newest checkpoint stamped and cosigned by others."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from charter.runtime.anchoring.client import ask_authority, ask_witness, last_cosigned, text_of
from charter.runtime.anchoring.post import DEADLINE
from charter.runtime.anchoring.stamps import add_stamp
from charter.runtime.cli import show_failure
from charter.runtime.cli.audit_source import find_source, open_source
from charter.runtime.cli.audit_table import write_json
from charter.runtime.cli.inert import inert
from charter.runtime.cli.options import project_option
from charter.runtime.cli.outsiders import authorities_in, witness_keys
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.ledger import Ledger
from charter.runtime.ledger.anchors import add_anchor, add_cosigned, last_anchor, read_anchors
from charter.runtime.ledger.checkpoint import Checkpoint, read_note
from charter.runtime.ledger.cosignature import WitnessKey, shown_time
from charter.runtime.ledger.errors import Tampered
from charter.runtime.ledger.merkle import consistency_holds
from charter.runtime.project import Project


@dataclass
class _Done:
    """What was obtained and stored so far, for people and for tools."""

    stamps: list[dict[str, Any]] = field(default_factory=list)
    cosigned: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def attempt(self, work: Callable[[], None]) -> None:
        """Do one thing; that it fails does not take away the others."""
        try:
            work()
        except Failure as failure:
            self.failures.append(failure)

    @property
    def exit_code(self) -> ExitCode:
        """Findings before troubles of the environment."""
        codes = {failure.exit_code for failure in self.failures}
        return ExitCode.DENIED if ExitCode.DENIED in codes else max(codes, default=ExitCode.OK)


class _Seconds(click.FloatRange):
    """A range that the value must be in: what is not a number is neither below it nor above it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a mistake of usage."""
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return found


@click.command("anchor")
@project_option
@click.option("--tsa", "tsas", multiple=True, metavar="URL", help="A time-stamping authority (RFC 3161); repeatable.")
@click.option(
    "--tsa-ca",
    type=click.Path(path_type=Path),
    help="Root certificates (PEM) that the time stamp must lead to.  [default: its signature is not checked now]",
)
@click.option("--witness", "witnesses", multiple=True, metavar="URL", help="A witness (C2SP tlog-witness); repeatable.")
@click.option(
    "--witness-key",
    "given_keys",
    multiple=True,
    metavar="KEY",
    help="The verifier key of that witness, or a file with it: one for each --witness, in the same order.",
)
@click.option(
    "--tls-ca", type=click.Path(path_type=Path), help="Certificates (PEM) for https.  [default: the system's]"
)
@click.option("--timeout", type=_Seconds(1, 300), default=DEADLINE, show_default=True, help="Seconds for each of them.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def audit_anchor(
    project_dir: Path | None,
    tsas: tuple[str, ...],
    tsa_ca: Path | None,
    witnesses: tuple[str, ...],
    given_keys: tuple[str, ...],
    tls_ca: Path | None,
    timeout: float,
    *,
    as_json: bool,
) -> None:
    """Anchor the newest checkpoint: add it to charter.checkpoints, and have others say that they saw it.

    A time stamp goes to charter.timestamps, a witness's cosignature to charter.checkpoints. Commit both. What they
    get is the ledger's name, its number of records and their root, never a record.

    \b
    Exit codes: 0 all of them answered, 1 the ledger does not continue what a witness
    has seen, or an answer does not hold, 4 no usable answer. What held is stored.
    """
    keys = [witness_keys((text,))[0] for text in given_keys]
    if len(keys) != len(witnesses):
        raise Failure(
            "each witness needs its key",
            f"{len(witnesses)} `--witness` and {len(keys)} `--witness-key` were given. Give one key for each URL, in "
            "the same order: what a witness says counts only under a key that you know.",
        )
    authorities = authorities_in(tsa_ca)
    source = find_source(None, project_dir, None)
    assert source.project is not None  # no ledger was named
    project, done = source.project, _Done()
    with open_source(source) as ledger:
        note = _newest(ledger, project)
        size = read_note(note).size
        for url in tsas:

            def stamp(url: str = url) -> None:
                data, said = ask_authority(url, text_of(note), authorities, ca=tls_ca, deadline=timeout)
                path = add_stamp(project.time_stamps_path, size, data)
                done.stamps.append(
                    {
                        "url": url,
                        "time": said.time,
                        "by": said.authority,
                        "file": path.name,
                        "checked": bool(authorities),
                    }
                )

            done.attempt(stamp)
        lines = ""
        for url, key in zip(witnesses, keys, strict=True):

            def cosign(url: str = url, key: WitnessKey = key) -> None:
                nonlocal lines
                known = last_cosigned(_anchors(project), key)
                said = ask_witness(
                    url,
                    key,
                    note,
                    known,
                    lambda old: ledger.consistency(old, size),
                    time.time(),
                    ca=tls_ca,
                    deadline=timeout,
                )
                lines += said.line
                done.cosigned.append({"url": url, "time": said.time, "by": key.name})

            done.attempt(cosign)
    if lines:
        add_cosigned(project.checkpoints_path, note + lines)
    else:
        add_anchor(project.checkpoints_path, note)
    _show(project, read_note(note), done, as_json=as_json)
    raise SystemExit(int(done.exit_code))


def _newest(ledger: Ledger, project: Project) -> str:
    """The newest checkpoint, of a ledger that continues its own anchors: nobody is asked to vouch for another one.

    Raises:
        Tampered: the ledger was rolled back or rewritten.
        Failure: nothing is recorded.
    """
    held = last_anchor(project.checkpoints_path)  # first: a run may end between the two
    note = ledger.checkpoint()
    newest = read_note(note)
    if not newest.size:
        raise Failure("nothing is recorded", "The ledger is empty, so there is nothing to anchor.")
    if held is None or not held[1].size:
        return note
    anchored = held[1]
    if anchored.size > newest.size:
        raise Tampered(
            "ledger was rolled back",
            f"`{project.checkpoints_path}` holds a checkpoint of {anchored.size} records, and the ledger has "
            f"{newest.size}. See `charter audit verify`, and restore the newest backup.",
        )
    proof = ledger.consistency(anchored.size, newest.size)
    if not consistency_holds(anchored.size, anchored.root, newest.size, newest.root, proof):
        raise Tampered(
            "ledger was rewritten",
            f"Its first {anchored.size} records are not those of the checkpoint in `{project.checkpoints_path}`. "
            "See `charter audit verify`, and restore the newest backup.",
        )
    return note


def _anchors(project: Project) -> list[str]:
    return read_anchors(project.checkpoints_path) if project.checkpoints_path.exists() else []


def _show(project: Project, checkpoint: Checkpoint, done: _Done, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "origin": checkpoint.origin,
                "records": checkpoint.size,
                "root": checkpoint.root.hex(),
                "time_stamps": done.stamps,
                "cosignatures": done.cosigned,
                "failures": [{"summary": item.summary, "detail": item.detail} for item in done.failures],
                "exit_code": int(done.exit_code),
            }
        )
        return

    def line(name: str, text: str) -> None:
        click.echo(f"{name:<12} {text}")

    line("checkpoint", f"{checkpoint.size:,} records, root {checkpoint.root.hex()}")
    line("anchored", f"in {inert(project.checkpoints_path)}")
    for item in done.stamps:
        checked = "" if item["checked"] else "; signature not checked, give --tsa-ca for that"
        line("time stamp", f"{shown_time(item['time'])} by {inert(item['by'])}{checked}")
        line("", f"in {inert(project.time_stamps_path / item['file'])}")
    for item in done.cosigned:
        line("cosigned", f"{shown_time(item['time'])} by {inert(item['by'])}")
    for failure in done.failures:
        show_failure(failure)
