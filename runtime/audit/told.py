"""Whether a text stands in a record or what it carries: body, policy input, signed envelope, compiled charter."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

_DEEPEST = 64


def finder(person: str) -> Callable[[Any], bool]:
    """Whether a document has a text that names somebody: alone or within other words, `c-1` not within `c-12`."""
    named = re.compile(rf"(?<![^\W_]){re.escape(person)}(?![^\W_])")
    return lambda document: any(named.search(text) for text in texts(document))


def read(data: bytes) -> Any:
    """An attachment as a document; its bare text when it is none."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data.decode(errors="replace")


def texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text of a document, names of members and the payloads of DSSE envelopes (base64) with them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < _DEEPEST:
        if "payloadType" in value and isinstance(payload := value.get("payload"), str):
            yield from texts(_payload(payload), depth + 1)
        for name, part in value.items():
            yield str(name)
            yield from texts(part, depth + 1)
    elif isinstance(value, list | tuple) and depth < _DEEPEST:
        for part in value:
            yield from texts(part, depth + 1)
    elif isinstance(value, dict | list | tuple):
        yield str(value)


def _payload(encoded: str) -> Any:
    try:
        return read(base64.b64decode(encoded))
    except ValueError:
        return encoded
