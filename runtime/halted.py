"""Stops a run where a person said stop: before its first step, and after any commit that heard of it."""

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.journal import Journal
from charter.runtime.people import act_records, trusted
from charter.runtime.project import Project


class Halted(Failure):
    """The lifecycle stands still; nothing was done that is not recorded."""

    def __init__(self, why: str) -> None:
        super().__init__("the lifecycle is halted", f"{why}.", exit_code=ExitCode.DENIED)


class Brake:
    """Looks at what people signed whenever there is more of it.

    A run holds one: what somebody records beside it is folded in at its next commit, and stops it there, before
    anything that the commit allowed happens.
    """

    def __init__(self, project: Project, journal: Journal) -> None:
        self._project = project
        self._journal = journal
        self._seen = -1

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Halted: somebody halted it, or the review of broken glass is overdue.
        """
        acts = self._journal.state.acts
        if len(acts) == self._seen:
            return
        self._seen = len(acts)
        if any(act.body.act in {"halt", "break-glass"} for act in acts):
            from charter.runtime.trust.emergencies import standstill

            trust = trusted(self._project, self._journal.state)
            why = standstill(act_records(self._journal), trust, self._journal.now())
            if why is not None:
                raise Halted(why)
