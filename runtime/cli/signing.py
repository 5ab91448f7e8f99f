"""What the signing commands share: the private key, whose it is, the comment, and the last question."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from charter.runtime.failure import ExitCode, Failure

if TYPE_CHECKING:
    from charter.runtime.trust.keys import PrivateKey
    from charter.runtime.trust.root import Person, TrustRoot


def signing_key(path: Path) -> "PrivateKey":
    """The private key in a file; a passphrase is asked for on a terminal only."""
    from charter.runtime.trust.keys import read_private_key

    def ask() -> bytes:
        answer: str = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
        return answer.encode()

    return read_private_key(path, ask if sys.stdin.isatty() else None)


def key_owner(trust: "TrustRoot", key: "PrivateKey", claimed: str | None, path: Path) -> "Person":
    """Whose key it is.

    Raises:
        Failure: nobody's any more or ever, or not the `claimed` person's.
    """
    person = trust.person_of(key.public.id)
    if person is None:
        ended = trust.why_ended(key.public.id)
        if ended is not None:
            why = f"they left on {ended.since}" if ended.because == "left" else f"{ended.because} since {ended.since}"
            raise Failure(
                "a key that has ended",
                f"the key of `{path}` ({key.public.id}) was that of `{ended.person}`: {why}. What it "
                "signs counts for nothing.",
                exit_code=ExitCode.DENIED,
            )
        raise Failure(
            "key of nobody",
            f"nobody in the trust root holds the key of `{path}` ({key.public.id}). An administrator adds people "
            "and keys with `charter trust add`; `charter trust show` lists them.",
            exit_code=ExitCode.DENIED,
        )
    if claimed is not None and claimed != person.id:
        raise Failure(
            "somebody else's key",
            f"the key of `{path}` belongs to `{person.id}`, not to `{claimed}`.",
            exit_code=ExitCode.DENIED,
        )
    return person


def check_comment(comment: str) -> None:
    """Refuse a comment that could not be shown in a line."""
    if len(comment) > 2000 or not comment.isprintable():
        raise Failure("unusable comment", "a comment is one line of printable text, up to 2,000 characters.")


def confirm(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask before something is signed.

    Raises:
        Failure: they said no, or nobody can be asked.
    """
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise Failure(
            "nobody can be asked",
            "a signature is not given by accident: run this in a terminal, or add `--yes` if you have seen "
            "what is signed.",
        )
    click.echo()
    if not click.confirm(question):
        raise Failure("nothing was signed", "you said no, so nothing was recorded.", exit_code=ExitCode.WAITING)
