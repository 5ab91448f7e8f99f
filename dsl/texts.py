"""What a quoted text says: escapes resolved, long texts dedented."""

import re

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\s\S])|$)")
_SIMPLE = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


def unescape(text: str) -> tuple[str, str]:
    """The text with its escapes resolved, and the first escape that is none (empty if all are known)."""
    bad: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match[1] is not None:
            code = int(match[1], 16)
            if not 0xD800 <= code <= 0xDFFF:  # half a surrogate pair is no character
                return chr(code)
        elif match[2] in _SIMPLE:
            return _SIMPLE[match[2]]
        bad.append(match[0])
        return ""

    return _ESCAPE.sub(replace, text), bad[0] if bad else ""


def long_text(body: str) -> str:
    """The content of a triple-quoted text: line ends unified, the common indentation and the blank first and
    last line removed.
    """
    lines = body.replace("\r\n", "\n").split("\n")
    if len(lines) == 1:
        return body
    if not lines[0].strip():
        first, rest = [], lines[1:]
    else:
        first, rest = [lines[0]], lines[1:]
    indents = [len(line) - len(line.lstrip(" \t")) for line in rest if line.strip()]
    indent = min(indents, default=0)
    dedented = [line[indent:].rstrip() if line.strip() else "" for line in rest]
    if dedented and not dedented[-1]:
        dedented.pop()
    return "\n".join(first + dedented)
