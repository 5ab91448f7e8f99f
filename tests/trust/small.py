"""A small project that really runs: one dataset that breaches its bound, a role, a waiver; all in this process."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization as form

from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Ledger, Recorded
from charter.runtime.trust.keys import read_private_key

CHARTER = """charter 1

lifecycle small {
  version  "1"
  owner    "olga@bank.example"
  purpose  "Test."
  risk     minimal
  use policies core
}

role risk-officer {
  members at least 2
}

dataset people {
  source    csv "people.csv"
  class     internal
  origin    "Made up"
  license   "CC0-1.0"
  require   rows >= 10
  require   missing <= 1%
}

waiver few-rows of people.rows {
  reason       "More rows come in March."
  granted by   risk-officer quorum 2
  compensating "Every row was read by hand."
  until        2099-03-31
}
"""


@dataclass
class Small:
    """The project and the `charter` command in it."""

    root: Path

    def charter(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output, and errors as one line of words."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = run_command_line(list(arguments))
            except SystemExit as ended:
                code = int(ended.code or 0)
        assert "bug in Charter" not in err.getvalue(), err.getvalue()
        return code, out.getvalue(), " ".join(err.getvalue().split())

    def run(self, *more: str) -> tuple[int, str]:
        code, out, err = self.charter("run", "--key", "tom.key", *more)
        return code, out + err

    def asking(self, command: str, *arguments: str) -> Any:
        """What a command prints as JSON."""
        code, out, err = self.charter(command, *arguments, "--json")
        assert code in {0, 1, 5}, err
        return json.loads(out)

    def write(self, charter: str) -> None:
        (self.root / "small.charter").write_text(charter)

    def events(self, kind: str) -> list[Recorded]:
        with Ledger.open_read_only(self.root / ".charter" / "ledger.db") as ledger:
            return list(ledger.events(kinds={kind}))


def make_small(root: Path) -> Small:
    """The project with its people: Olga owns and administrates, Tom runs, Bob, Carol and Dan are officers.

    Olga's and Bob's keys are PEM, the others SSH.
    """
    made = Small(root)
    made.write(CHARTER)
    (root / "people.csv").write_text("age,sex\n1,f\n2,m\n3,f\n")
    for name in ("olga", "tom", "bob", "carol", "dan", "mallory"):
        made.charter("keys", "new", f"{name}.key")
    for name in ("olga", "bob"):
        as_pem(root / f"{name}.key")
    signed = ("--sign-with", "olga.key")
    made.charter("trust", "init", "--person", "olga@bank.example", "--name", "Olga", "--key", "olga.key.pub", *signed)
    for name, role in (("tom", ()), *((name, ("--role", "risk-officer")) for name in ("bob", "carol", "dan"))):
        key = ("--key", f"{name}.key.pub")
        made.charter("trust", "add", f"{name}@bank.example", "--name", name.title(), *key, *role, *signed)
    return made


def as_pem(path: Path) -> None:
    """Write a pair of keys as PEM instead of as SSH keys."""
    secret = read_private_key(path).secret
    path.write_bytes(secret.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    public = secret.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    Path(f"{path}.pub").write_bytes(public)
