"""Takes secrets out of what a stage's process said, before any of it is recorded or shown: a ledger forgets nothing.

It knows the values of the runtime's own environment variables, which stages inherit, and some shapes of secrets. It
does not know what a stage has fetched elsewhere, nor look into the files that it makes.
"""

import base64
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from charter.compiler.ir import IR
from charter.runtime.executor import Outcome

Redact = Callable[[str], str]

MOST_DETAIL = 4000
"""Characters of a failure's detail that are kept; a stage's process sends more, so that no secret is cut in two."""
_SHORTEST = 6
"""Characters of a value that is looked for: a shorter one would be found in ordinary words."""
_TELLING = re.compile(
    r"PASSW|PASSPHRASE|SECRET|CREDENTIAL|(TOKEN|KEY|APIKEY|COOKIE|BEARER)S?(_|$)|(^|_)(AUTH|DSN|PAT)(_|$)|._PWD$"
)
_SHAPES = (
    (
        "private key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:(?!-----END)[\s\S])*(?:-----END[A-Z0-9 ]*-----)?"
            r"|\A(?:(?!-----)[\s\S])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----"
        ),
        "",
    ),
    ("Bearer", re.compile(r"\b(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), r"\1"),
    ("password in an address", re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/@:\"'<>]*:[^\s/@\"'<>]+@"), r"\1"),
)


def redactor(ir: IR, environment: Mapping[str, str] = os.environ) -> Redact:
    """What takes the secrets of an environment, and those that a charter names, out of a text."""
    named = set(_named([*(stage.spec for stage in ir.stages), *(item.body for item in ir.declarations.values())]))
    spellings: dict[str, str] = {}
    for name, value in environment.items():
        if name in named or _TELLING.search(name.upper()):
            for text in (value, value.strip(), *filter(None, map(str.strip, value.splitlines()))):
                if len(text) >= _SHORTEST:
                    spellings |= dict.fromkeys(_spelt(text), name)
    ordered = sorted(spellings, key=len, reverse=True)  # a secret that begins with another goes first
    known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def redact(text: str) -> str:
        if known is not None:
            text = known.sub(lambda found: f"[secret {spellings[found[0]]}]", text)
        for name, shape, kept in _SHAPES:
            text = shape.sub(f"{kept}[secret {name}]", text)
        return text

    return redact


def without_secrets(outcome: Outcome, redact: Redact) -> Outcome:
    """An outcome whose summary, detail, log, evidence and names hold none; the paths of its files stay as they are."""
    result = dict(outcome.result)
    for part in ("evidence", "effects"):
        if part in result:
            result[part] = _clean(result[part], redact)
    if isinstance(result.get("artifacts"), dict):
        result["artifacts"] = {redact(str(name)): path for name, path in result["artifacts"].items()}
    return msgspec.structs.replace(
        outcome,
        result=result,
        summary=redact(outcome.summary),
        detail=_shortened(redact(outcome.detail)),
        log=redact(outcome.log),
    )


def _named(value: object) -> Iterator[str]:
    """The names that stand under `secret` in what a charter says."""
    if isinstance(value, Mapping):
        if isinstance(name := value.get("secret"), str):
            yield name
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _named(part)


def _spelt(text: str) -> set[str]:
    """A value as it stands in texts: itself, in JSON, as Python shows it, in an address, in base64."""
    raw = text.encode(errors="surrogateescape")
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    escaped = {json.dumps(text)[1:-1], repr(text)[1:-1], quote(raw, safe="")}
    shown = raw.decode(errors="replace")
    return {text, shown, *escaped, *encoded, *(one.rstrip("=") for one in encoded)}


def _clean(value: Any, redact: Redact) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(name)): _clean(part, redact) for name, part in value.items()}
    return [_clean(part, redact) for part in value] if isinstance(value, list | tuple) else value


def _shortened(detail: str) -> str:
    """A long detail's beginning and its end, which says where it was raised."""
    if len(detail) <= MOST_DETAIL:
        return detail
    return f"{detail[: MOST_DETAIL - 200]} … {detail[-150:]}"
