"""Characters that make a text look other than it is: control and bidirectional characters, lone carriage returns.

A charter is read by people who sign it, so what they see must be what is compiled (CVE-2021-42574,
"Trojan Source"; Unicode TR 36). In a quoted text such a character can be written as an escape.
"""

import re

from charter.dsl.codes import error
from charter.dsl.findings import Findings
from charter.dsl.source import Source, Span

HIDDEN = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""A character class, as a regular expression: what must not stand in a charter, nor be printed as it is."""

_FORBIDDEN = re.compile(rf"{HIDDEN}|\r(?!\n)")
_MOST = 20


def find_hidden(source: Source, findings: Findings) -> None:
    """Reports the first hidden characters of a text."""
    for count, match in enumerate(_FORBIDDEN.finditer(source.text)):
        if count >= _MOST:
            return
        place = Span(source.path, match.start(), match.end())
        findings.add(error("CH0007", place, _detail(match[0])))


def _detail(character: str) -> str:
    if character == "\r":
        return "A carriage return without a line feed hides what follows it. Save the file with usual line ends."
    import unicodedata  # a megabyte of tables, for a rare message

    code = ord(character)
    called = unicodedata.name(character, "a control character").lower()
    return f"U+{code:04X} ({called}) cannot be seen. Remove it, or write it as `\\u{code:04x}` in a quoted text."
