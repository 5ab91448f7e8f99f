"""What no bundle may do here, whoever compiled it: be no Rego, or call what reaches outside."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from charter.compiler.rego.allowed import ALLOWED, FORBIDDEN, why_forbidden
from charter.policies.catalogue import shipped_modules

if TYPE_CHECKING:
    from charter.compiler.rego.module import Call, Module, Problem

_NO_CODE = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*')
_WORD = re.compile(r"[A-Za-z_]\w*")
_FORBIDDEN_WORDS = frozenset(name.partition(".")[0] for name in FORBIDDEN)


def unfit_modules(modules: Mapping[str, str]) -> "tuple[Problem, ...]":
    """What in a bundle must not run here, whoever compiled it: a module that is no Rego, or calls what is forbidden.

    The modules that ship with Charter are taken as they are.
    """
    shipped = shipped_modules()
    doubtful = ((path, text) for path, text in modules.items() if shipped.get(path) != text and _names_forbidden(text))
    return tuple(problem for path, text in doubtful for problem in _problems(path, text))


def _problems(path: str, text: str) -> "Iterator[Problem]":
    from charter.compiler.rego.module import Problem, read_module  # hardly any bundle gets this far

    module = read_module(path, text)
    if isinstance(module, Problem):
        yield module
        return
    for rule in module.rules:
        for call in rule.calls:
            yield from forbidden_call(module, call)


def _names_forbidden(text: str) -> bool:
    """Whether a word of the code could begin a forbidden call; far quicker than parsing, and never wrong in a no.

    What a call begins with always stands as a bare word, whatever brackets follow. `$` begins strings with code in.
    """
    code = _NO_CODE.sub(" ", text)
    return "$" in code or not _FORBIDDEN_WORDS.isdisjoint(_WORD.findall(code))


def forbidden_call(module: "Module", call: "Call") -> "Iterator[Problem]":
    """What is wrong with a call of a function that no policy may use; nothing when it may."""
    from charter.compiler.rego.module import Problem

    reason = None if call.name in ALLOWED else why_forbidden(call.name)
    if reason is not None:
        yield Problem("CH1004", module.path, call.line, call.column, f"`{call.name}` {reason}.")
