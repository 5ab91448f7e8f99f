"""A diagnostic is a value: functions return it, nothing is thrown for a user's mistake."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from charter.dsl.source import Span


class Severity(StrEnum):
    """How much a finding matters: only an `ERROR` stops the compiler."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Related(Struct, frozen=True):
    """A second place that explains the finding, such as the first of two definitions."""

    span: Span
    message: str


class Diagnostic(Struct, frozen=True):
    """One finding.

    Attributes:
        code: stable, `CH` and four digits; its page is shown by `charter explain`.
        summary: about three words, lower-case start, no period.
        detail: full sentences that say what is wrong and what to do.
        span: the tight range to underline; None only for findings about no text at all.
        related: other places that explain it.
    """

    code: str
    severity: Severity
    summary: str
    detail: str
    span: Span | None
    related: tuple[Related, ...] = ()


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any finding stops the compiler."""
    return any(item.severity is Severity.ERROR for item in diagnostics)
