"""What a run tells whoever watches: plain calls, so that the run knows nothing of terminals."""

from typing import Protocol

from charter.compiler.ir import Stage
from charter.runtime.assess import Assessment
from charter.runtime.events import GateDecided, Reacted, StageFailed, StageFinished


class Observer(Protocol):
    """Told in the order in which things are recorded."""

    def warned(self, sentence: str) -> None:
        """Something should be known before the work begins."""

    def started(self, stage: Stage) -> None:
        """A stage's work began."""

    def finished(self, stage: Stage, body: StageFinished) -> None:
        """A stage's work is done, its exit gate not yet decided."""

    def failed(self, stage: Stage, body: StageFailed, log: str) -> None:
        """A stage ended without a result; `log` is the end of what it printed."""

    def decided(self, stage: Stage, body: GateDecided) -> None:
        """A gate was decided and the decision is durable."""

    def reacted(self, body: Reacted) -> None:
        """A monitor's breach had its reaction."""

    def settled(self, assessment: Assessment) -> None:
        """Nothing more happens to this stage in this run."""


class Silent:
    """Watches nothing."""

    def warned(self, sentence: str) -> None:
        """Say nothing."""

    def started(self, stage: Stage) -> None:
        """Say nothing."""

    def finished(self, stage: Stage, body: StageFinished) -> None:
        """Say nothing."""

    def failed(self, stage: Stage, body: StageFailed, log: str) -> None:
        """Say nothing."""

    def decided(self, stage: Stage, body: GateDecided) -> None:
        """Say nothing."""

    def reacted(self, body: Reacted) -> None:
        """Say nothing."""

    def settled(self, assessment: Assessment) -> None:
        """Say nothing."""
