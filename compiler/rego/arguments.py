"""What literal arguments an allowed function takes: patterns and formats that every engine reads alike."""

import re
from collections.abc import Callable

from charter.compiler.rego.module import Call
from charter.compiler.rego.parser import new_engine

_CLASSES = {"w": "[0-9A-Za-z_]", "d": "[0-9]", "s": r"[ \t\n\r\f]", "W": "[^0-9A-Za-z_]", "D": "[^0-9]"}
_CLASSES["S"] = r"[^ \t\n\r\f]"
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SAME_ESCAPES = frozenset(r"\.+*?()|[]{}^$-/" + "nrtfvaAz")
_FLAGS = re.compile(r"\(\?(?!:|P<|[ims]+(?:-[ims]+)?[:)]|-[ims]+[:)])")
_SET = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|[^\[\]])*\]")
_SET_WORDS = ("&&", "--", "~~", "[")
_MOST_REPEATS = 1000
_REPEATS = re.compile(r"\{(\d+)(?:,(\d*))?\}")

_PLACEHOLDER = re.compile(r"%(?:%|[svd]|(?P<other>[^A-Za-z%]*.?))", re.DOTALL)


def argument_problem(call: Call) -> str | None:
    """Why the engines would answer this call differently, as sentences; None when nothing is seen."""
    found = _CHECKED.get(call.name)
    if found is None:
        return None
    place, what, check = found
    argument = call.arguments[place] if place < len(call.arguments) else None
    if argument is None or argument.text is None:
        return f"The {what} of `{call.name}` has to be written out, so that it can be checked: engines differ in some."
    said = check(argument.text, call)
    return None if said is None else f"`{argument.text}`: {said}"


def _pattern(text: str, call: Call) -> str | None:
    for escape in _ESCAPE.finditer(text):
        if escape[1] in _CLASSES:
            return f"`{escape[0]}` means other letters in each engine. Write `{_CLASSES[escape[1]]}`."
        if escape[1] in "bB":
            return f"`{escape[0]}` ends words at other letters in each engine. Write what must stand there."
        if escape[1] not in _SAME_ESCAPES:
            return f"`{escape[0]}` is not the same in every engine. Write the characters in brackets."
    plain = _ESCAPE.sub("x", text)
    if _FLAGS.search(plain):
        return "engines differ in what follows `(?`. Only `(?i)`, `(?m)`, `(?s)`, `(?:` and `(?P<name>` are alike."
    without = _SET.sub(_empty_set, plain)
    if "[" in without or "]" in without:
        return "engines differ in brackets that stand in brackets, and in `&&`, `--` and `~~` there. Escape them."
    if any(int(number or 0) > _MOST_REPEATS for found in _REPEATS.findall(without) for number in found):
        return f"one engine repeats at most {_MOST_REPEATS} times."
    return _tried(text, call)


def _empty_set(found: re.Match[str]) -> str:
    inside = re.sub(r"\[:\^?\w+:\]", "", found[0][1:-1])
    return "[" if any(word in inside for word in _SET_WORDS) else "x"


def _tried(pattern: str, call: Call) -> str | None:
    engine = new_engine()
    engine.add_data({"pattern": pattern})
    try:
        (answer,) = engine.eval_query('regex.match(data.pattern, "")')["result"]
    except RuntimeError:
        return "this is no regular expression."
    if call.name != "regex.match" and answer["expressions"][0]["value"]:
        return "it matches where nothing is, and engines differ in how often it does. Write `+` for `*`."
    return None


def _glob(text: str, _call: Call) -> str | None:
    found = next((mark for mark in "{}[]!?\\" if mark in text), None)
    if found is None:
        return None
    return f"`{found}` is read differently in each engine. Write only `*` and `**`, in a pattern for each case."


def _format(text: str, call: Call) -> str | None:
    placeholders = list(_PLACEHOLDER.finditer(text))
    for placeholder in placeholders:
        if placeholder["other"] is not None:
            return (
                f"`{placeholder[0]}` is written differently in each engine. "
                "Use `%s` for texts, `%d` for whole numbers, `%v` for other values."
            )
    values = call.arguments[1] if len(call.arguments) > 1 else None
    wanted = sum(placeholder[0] != "%%" for placeholder in placeholders)
    if values is not None and values.size is not None and values.size != wanted:
        return f"it has {wanted} placeholders for {values.size} values."
    return None


_CHECKED: dict[str, tuple[int, str, Callable[[str, Call], str | None]]] = {
    "glob.match": (0, "pattern", _glob),
    "regex.find_all_string_submatch_n": (0, "pattern", _pattern),
    "regex.find_n": (0, "pattern", _pattern),
    "regex.match": (0, "pattern", _pattern),
    "regex.replace": (1, "pattern", _pattern),
    "regex.split": (0, "pattern", _pattern),
    "sprintf": (0, "format", _format),
}
