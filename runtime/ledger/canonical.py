"""Canonical JSON of record bodies: RFC 8785 on a restricted profile; what does not fit is refused, never repaired.

The profile: objects, arrays, strings, booleans, null and integers within ±(2^53 - 1). Fractions are decimal
*strings*, because the text of a float differs between languages. Keys are ASCII, so that sorting by code point
(ours) and by UTF-16 unit (RFC 8785, 3.2.3) agree. At most 32 levels and 1 MiB.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias, Union

import msgspec

from charter.runtime.ledger.errors import Refused

JSON: TypeAlias = Union[bool, int, str, "list[JSON]", "tuple[JSON, ...]", "dict[str, JSON]", None]

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32
MAX_BYTES = 1 << 20

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder()


class _Misfit(Exception):
    """A value outside the profile; the path is filled in from the inside out while the walk unwinds."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str] = []


def encode(body: Mapping[str, Any], limit: int = MAX_BYTES) -> bytes:
    """The canonical bytes of a body, at most `limit` of them.

    Raises:
        Refused: the body leaves the profile; the message names the path of the value.
    """
    plain = body if type(body) is dict else dict(body)
    try:
        _check_object(plain, 1)
        data = _encoder.encode(plain)
    except _Misfit as misfit:
        where = ".".join(reversed(misfit.path)) or "its top level"
        raise Refused("event body cannot be recorded", f"At `{where[:200]}`: {misfit.reason}") from None
    except UnicodeEncodeError:
        raise Refused(
            "event body cannot be recorded",
            "A text in the body holds a lone surrogate (half of a UTF-16 pair), which has no UTF-8 form. "
            "Decode the text properly before it is recorded.",
        ) from None
    except TypeError as error:  # a subclass of `str` as a key
        raise Refused("event body cannot be recorded", f"{error}; convert it first.") from None
    if len(data) > limit:
        raise Refused(
            "event body is too large",
            f"The body takes {len(data):,} bytes; at most {limit:,} are allowed. "
            "Record large content as an attachment: the body then carries its digest.",
        )
    return data


def parse(data: bytes, limit: int = MAX_BYTES) -> dict[str, Any]:
    """The object that canonical bytes stand for.

    Raises:
        Refused: not JSON, not an object, outside the profile, or not the canonical spelling
            (white space, unsorted or duplicate keys).
    """
    if len(data) > limit:
        raise Refused("text is too large", f"It has {len(data):,} bytes; at most {limit:,} are allowed.")
    try:
        value = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("text is not JSON", f"It cannot be read as JSON: {error}.") from None
    if type(value) is not dict:
        raise Refused("text is not a JSON object", "It must be one JSON object.")
    if encode(value, limit) != data:
        raise Refused(
            "text is not canonical JSON",
            "It is JSON, but not in the one canonical spelling: sorted unique keys, no white space (RFC 8785).",
        )
    return value


def decimal(value: float) -> str:
    """The shortest decimal text that reads back as the same float: how fractions enter a body.

    Raises:
        Refused: NaN or infinite.
    """
    if not math.isfinite(value):
        raise Refused("number is not finite", f"`{value}` has no decimal text; leave the value out and say why.")
    return repr(float(value))


def _check_object(value: dict[Any, Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _Misfit(f"it is nested deeper than {MAX_DEPTH} levels.")
    try:
        ascii_keys = "".join(value).isascii()
    except TypeError:
        ascii_keys = False
    if not ascii_keys:
        (wrong, *_) = [key for key in value if not isinstance(key, str) or not key.isascii()]
        raise _Misfit(f"the key `{wrong!r:.60}` is not ASCII text.")
    for key, item in value.items():
        # Exact types only: the encoder would silently accept subclasses, floats (NaN as null), dates, bytes and sets.
        if (kind := type(item)) is not str and kind is not bool and item is not None:
            try:
                _check_item(item, kind, depth)
            except _Misfit as misfit:
                misfit.path.append(key)
                raise


def _check_array(value: list[Any] | tuple[Any, ...], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _Misfit(f"it is nested deeper than {MAX_DEPTH} levels.")
    for index, item in enumerate(value):
        if (kind := type(item)) is not str and kind is not bool and item is not None:
            try:
                _check_item(item, kind, depth)
            except _Misfit as misfit:
                misfit.path.append(str(index))
                raise


def _check_item(item: Any, kind: type, depth: int) -> None:
    if kind is int:
        if not -MAX_INTEGER <= item <= MAX_INTEGER:
            raise _Misfit("the integer is beyond ±(2^53 - 1), where readers lose digits; record it as text.")
    elif kind is dict:
        _check_object(item, depth + 1)
    elif kind is list or kind is tuple:
        _check_array(item, depth + 1)
    elif kind is float:
        raise _Misfit(f"`{item}` is a float; record fractions as decimal text (`canonical.decimal`).")
    else:
        raise _Misfit(f"a value of the type `{kind.__name__}` is not JSON; convert it first.")
