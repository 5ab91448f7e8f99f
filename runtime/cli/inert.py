"""Text from outside, made harmless for a terminal."""

import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def inert(text: object) -> str:
    """`text` with control, escape, bidirectional and half characters spelled out; line feeds and tabs become spaces."""
    flat = str(text).replace("\n", " ").replace("\t", " ")
    return _CONTROL.sub(lambda match: f"<{_name(match.group())}>", flat)


def _name(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}").replace(" ", "-").lower()
