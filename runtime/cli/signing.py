"""What the signing commands share: reading a private key, and asking for its passphrase."""

import sys
from pathlib import Path

import click

from charter.runtime.trust.keys import PrivateKey, read_private_key


def signing_key(path: Path) -> PrivateKey:
    """The private key in a file; a passphrase is asked for on a terminal only."""

    def ask() -> bytes:
        answer: str = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
        return answer.encode()

    return read_private_key(path, ask if sys.stdin.isatty() else None)
