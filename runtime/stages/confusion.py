"""Decisions against outcomes as counts of four cells, and the measures that depend on these counts only.

A resample of rows is a multinomial draw of the counts, so the bootstrap of these measures needs no rows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TRUE_NEGATIVE, FALSE_POSITIVE, FALSE_NEGATIVE, TRUE_POSITIVE = range(4)


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with their outcome (0 or 1), the model's probability of 1, and its decision (0 or 1)."""

    outcome: "npt.NDArray[np.int64]"
    probability: "npt.NDArray[np.float64]"
    decision: "npt.NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.outcome)

    def where(self, rows: "npt.NDArray[np.bool_]") -> "Scored":
        """Some of the rows."""
        return Scored(self.outcome[rows], self.probability[rows], self.decision[rows])

    def cells(self) -> "npt.NDArray[np.int64]":
        """Counts of true negatives, false positives, false negatives and true positives."""
        import numpy as np

        return np.bincount(self.outcome * 2 + self.decision, minlength=4)
