"""Models that make text: each is made in one way, for its task, and names no secret by its value."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from charter.compiler import model
from charter.compiler.codes import error
from charter.compiler.metrics import CLASSIFICATION, GENERATION
from charter.compiler.passes.context import Context
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic, Related

_OF_TRAINING = (
    "train on",
    "validate on",
    "trainer",
    "fine-tuned from",
    "aligned with",
    "tune",
    "limits",
)
_OF_TEXT = ("fine-tuned from", "aligned with", "hosted at", "prompted by")
_SECRET = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def check_generative(context: Context) -> Iterator[Diagnostic]:
    """CH1601 hosted and trained, CH1602 another task, CH1603 an address that is none, CH1604 a secret in the open."""
    for declared in context.charter.models.values():
        yield from _made_in_one_way(declared)
        yield from _task(declared)
        if declared.hosted is not None and declared.hosted.address is not None:
            yield from _address(declared.hosted.address)
        if declared.hosted is not None and declared.hosted.secret is not None:
            yield from named_secret(declared.hosted.secret)


def _made_in_one_way(declared: model.Model) -> Iterator[Diagnostic]:
    if declared.hosted is None:
        return
    where = Related(declared.hosted.clause.keyword_span, "somebody else runs the model")
    for keyword in _OF_TRAINING:
        for clause in declared.clauses(keyword):
            detail = (
                f"`{declared.name}` is hosted by somebody else, so nothing here is trained and `{keyword}` would have "
                "no effect. Take one of the two out."
            )
            yield error("CH1601", clause.keyword_span, detail, where)


def _task(declared: model.Model) -> Iterator[Diagnostic]:
    if declared.task == CLASSIFICATION:
        for keyword in _OF_TEXT:
            for clause in declared.clauses(keyword):
                detail = (
                    f"`{keyword}` is for models that make text, and the task of `{declared.name}` is "
                    f"`{declared.task}`. Write `task {GENERATION}`, or take the clause out."
                )
                yield error("CH1602", clause.keyword_span, detail)
    elif declared.generative and declared.trainer_kind == "builtin" and isinstance(declared.trainer, ast.Name):
        detail = (
            f"`{declared.trainer.text}` makes classifiers, and the task of `{declared.name}` is `{declared.task}`. Say "
            'how it is made: `fine-tuned from "…"`, `hosted at "…" model "…"`, or `trainer python "module:function"`.'
        )
        yield error("CH1602", declared.trainer.span, detail)


def _address(address: ast.Text) -> Iterator[Diagnostic]:
    problem = _problem(address.value)
    if problem:
        detail = f"{problem} Write the address of the interface, such as `https://models.bank.example/v1`."
        yield error("CH1603", address.span, detail)


def _problem(address: str) -> str:
    """What is wrong with an address, as a sentence; empty if nothing is."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"`{address}` is not an address."
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\x00-\x1f\\]", address):
        return f"`{address}` is not an address."
    if not address.isascii():
        return "There are letters in the address that may look like others. Write the host as `xn--…`."
    if parts.username is not None or parts.password is not None:
        return "There is a name or a password in the address, and a charter is read by many. Name a `secret` instead."
    if parts.query or parts.fragment:
        return "The address has more than a path: what stands behind `?` or `#` may be a secret, and is not sent."
    if parts.scheme == "http" and not _loopback(host):
        return f"`{host}` would be asked without encryption: anybody on the way reads and changes what is said."
    return ""


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def named_secret(secret: ast.Text) -> Iterator[Diagnostic]:
    """CH1604 where a text is no name of a secret."""
    if not _SECRET.fullmatch(secret.value):
        # The text itself is not repeated: it may be the secret.
        detail = (
            "This is the name of a secret, never the secret itself: capital letters, digits and `_`, such as "
            "`MODEL_KEY`. If a secret stood here, it is known to all who have read the charter: have it changed."
        )
        yield error("CH1604", secret.span, detail)
