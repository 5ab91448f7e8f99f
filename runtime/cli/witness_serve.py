"""`charter witness serve`: cosign the checkpoints of other teams' ledgers."""

import contextlib
import signal
from pathlib import Path
from typing import Any

import click

from charter.runtime.anchoring.memory import Memory
from charter.runtime.anchoring.server import PATH, Witness, WitnessServer
from charter.runtime.cli.inert import inert
from charter.runtime.cli.outsiders import ledger_keys, witness_keys
from charter.runtime.cli.witness import witness_options
from charter.runtime.failure import Failure
from charter.runtime.ledger.cosignature import Cosigner
from charter.runtime.ledger.errors import Tampered, Unavailable
from charter.runtime.ledger.keys import load_private


@click.command("serve")
@witness_options
@click.option(
    "--ledger-key",
    "given",
    multiple=True,
    required=True,
    metavar="KEY",
    help="The verifier key of a ledger to witness, or a file with it (its ledger.pub); repeatable.",
)
@click.option(
    "--listen", metavar="HOST:PORT", default="127.0.0.1:8471", show_default=True, help="Where to listen; 0: any port."
)
def witness_serve(key: Path, state: Path, given: tuple[str, ...], listen: str) -> None:
    """Cosign the checkpoints of ledgers that continue what this witness has seen of them.

    It speaks plain HTTP (C2SP tlog-witness) on loopback: what it says is signed. Put a proxy with TLS in front of it
    for others. One line a request tells what was answered; ends with Ctrl-C or SIGTERM.
    """
    cosigner = _cosigner(key)
    memory = Memory(state, cosigner.key)
    with contextlib.closing(memory):
        server = _bound(listen, Witness(cosigner, ledger_keys(given), memory, heard=_heard))
        host, port = server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        click.echo(f"witness  {inert(cosigner.key)}")
        click.echo(f"listens  http://{shown}:{port}{PATH}")
        signal.signal(signal.SIGTERM, _stop)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
        server.server_close()


def _cosigner(path: Path) -> Cosigner:
    private, public = load_private(path), path.with_suffix(".pub")
    (named,) = witness_keys((str(public),))
    cosigner = Cosigner(named.name, private)
    if cosigner.key != named:
        raise Tampered("witness's keys do not belong together", f"`{public}` is not the public half of `{path}`.")
    return cosigner


def _bound(listen: str, witness: Witness) -> WitnessServer:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Failure("not a place to listen", f"`{listen:.100}` does not read `HOST:PORT`.")
    try:
        return WitnessServer((host.strip("[]"), int(port)), witness)
    except OSError as error:
        raise Unavailable("cannot listen", f"`{listen:.100}`: {error.strerror or error}.") from None


def _heard(status: int, origin: str, size: int) -> None:
    what = f"{size:,} records of {inert(origin)}" if origin else "no checkpoint"
    with contextlib.suppress(OSError):  # whoever read this went away: the witness goes on
        click.echo(f"{status}  {what}")


def _stop(*_: Any) -> None:
    raise KeyboardInterrupt
