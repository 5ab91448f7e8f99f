"""How the runtime tells people that something went wrong, and the exit codes of every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, the same for every command; never OK when nothing was evaluated."""

    OK = 0
    DENIED = 1
    """A gate denied, or a check has findings (tampering included)."""
    WRONG_INPUT = 2
    """The charter or the arguments are wrong."""
    WEAKENED = 3
    """A control was weakened."""
    ENVIRONMENT = 4
    """The policy engine or the environment failed."""
    WAITING = 5
    """Waiting for someone or something."""
    INCOMPLETE = 6
    """Verified, but not anchored or not complete."""


class Failure(Exception):
    """An expected failure, shown to people without a traceback.

    Args:
        summary: about five words, lower-case start, no period.
        detail: full sentences that say what happened, where, and what to do.
        exit_code: what the process exits with.
        rendered: the detail is laid out already (findings with underlined text) and is printed as it is.
    """

    def __init__(
        self, summary: str, detail: str, *, exit_code: ExitCode = ExitCode.WRONG_INPUT, rendered: bool = False
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.exit_code = exit_code
        self.rendered = rendered
