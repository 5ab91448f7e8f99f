"""Whom a caller trusts to anchor a ledger: certificates of time-stamping authorities, keys of witnesses and ledgers."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from charter.runtime.audit.filters import moment
from charter.runtime.failure import Failure
from charter.runtime.ledger.checkpoint import NoteError, VerifierKey
from charter.runtime.ledger.cosignature import WitnessKey
from charter.runtime.ledger.errors import Unavailable
from charter.runtime.ledger.outside import Trust
from charter.runtime.ledger.timestamp import StampError, demand_library, read_authorities

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Command = TypeVar("Command", bound=Callable[..., Any])
Key = TypeVar("Key")
_MAX_BYTES = 1 << 20


def trust_options(command: Command) -> Command:
    """Options that say whom the caller trusts; the command gets them as `trust`."""

    @wraps(command)
    def trusting(
        *args: Any,
        tsa_ca: Path | None,
        witnesses: tuple[str, ...],
        witnesses_needed: int | None,
        anchored_since: str | None,
        **options: Any,
    ) -> Any:
        return command(*args, trust=_trust(tsa_ca, witnesses, witnesses_needed, anchored_since), **options)

    wrapped: Any = trusting
    for option in (
        click.option(
            "--anchored-since",
            metavar="TIME",
            help="Time stamps and cosignatures count from this date or time on (ISO 8601, UTC): older ones are there "
            "too when a ledger was rolled back.",
        ),
        click.option(
            "--witnesses-needed",
            type=click.IntRange(min=1),
            help="How many of these must have cosigned.  [default: all of them]",
        ),
        click.option(
            "--witness",
            "witnesses",
            multiple=True,
            metavar="KEY",
            help="The verifier key of a witness that you trust, or a file with it: what it cosigned is anchored; "
            "repeatable.",
        ),
        click.option(
            "--tsa-ca",
            type=click.Path(path_type=Path),
            help="Root certificates (PEM) of time-stamping authorities that you trust: their stamps anchor as well.",
        ),
    ):
        wrapped = option(wrapped)
    return cast(Command, wrapped)


def _trust(tsa_ca: Path | None, witnesses: tuple[str, ...], needed: int | None, since: str | None) -> Trust:
    keys = witness_keys(witnesses)
    if needed is not None and needed > len(keys):
        raise Failure(
            "too few witnesses", f"`--witnesses-needed {needed}`, and {len(keys)} different `--witness` were given."
        )
    if twice := [str(key) for key in keys if any(key != other and key.public == other.public for other in keys)]:
        raise Failure(
            "one witness under two names",
            f"{' and '.join(f'`{key}`' for key in twice)} are the same key, so they are one witness. Give one of them.",
        )
    start = int(datetime.fromisoformat(moment(since, "--anchored-since")).timestamp()) if since else 0
    return Trust(authorities_in(tsa_ca), keys, needed or max(1, len(keys)), start)


def authorities_in(path: Path | None) -> list["Certificate"]:
    """The certificates of a file; none without a file.

    Raises:
        Unavailable: unreadable, no certificate in it, or the extra is not installed.
    """
    if path is None:
        return []
    demand_library()
    try:
        return read_authorities(_read(path))
    except StampError as error:
        raise Unavailable("certificates are not usable", f"`{path}`: {error}.") from None


def witness_keys(given: tuple[str, ...]) -> list[WitnessKey]:
    """The keys of witnesses, each given as it is or as a file that holds it; each once."""
    return list(dict.fromkeys(_key(text, WitnessKey.parse, "witness's") for text in given))


def ledger_keys(given: tuple[str, ...]) -> dict[str, list[VerifierKey]]:
    """The keys of ledgers by their origin."""
    keys: dict[str, list[VerifierKey]] = {}
    for text in given:
        key = _key(text, VerifierKey.parse, "ledger's")
        keys.setdefault(key.origin, []).append(key)
    return keys


def _key(text: str, parse: Callable[[str], Key], whose: str) -> Key:
    try:
        if "+" in text and not Path(text).exists():
            return parse(text)
        return parse(_read(Path(text)).decode())
    except (NoteError, UnicodeDecodeError) as error:
        raise Failure(
            f"not a {whose} key", f"`{text:.200}` is neither a {whose} verifier key nor a file with one: {error}."
        ) from None


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise Unavailable("file is missing", f"There is no file `{path}`.")
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise Unavailable("file is not readable", f"`{path}`: {error.strerror}.") from None
