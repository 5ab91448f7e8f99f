"""The four ways in which the ledger says no, each with its exit code."""

from charter.runtime.failure import ExitCode, Failure


class Refused(Failure):
    """The caller's event cannot be recorded as it is; nothing was written."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary, detail, exit_code=ExitCode.WRONG_INPUT)


class Conflict(Failure):
    """The id of the event is already recorded with other content; nothing of its batch was written."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary, detail, exit_code=ExitCode.WRONG_INPUT)


class Tampered(Failure):
    """The ledger, its key or its anchors do not belong together, or were changed."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary, detail, exit_code=ExitCode.DENIED)


class Unavailable(Failure):
    """The file, the disk or the key cannot be used; what was not acknowledged may not be recorded."""

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(summary, detail, exit_code=ExitCode.ENVIRONMENT)


class Damaged(Unavailable):
    """The file is not, or is no longer, a readable ledger."""
