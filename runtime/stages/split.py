"""The split stage: cut the rows into named parts, seeded and stratified, and count rows that are in two parts."""

from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import Evidence, StageContext, StageRefused, StageResult
from charter.runtime.stages.partition import assign_parts
from charter.runtime.stages.tables import read_frame, read_target, write_frame

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def split(context: StageContext) -> StageResult:
    """Write one Parquet file a part, with the part's name."""
    frame = read_frame(context.inputs["data"], what="the data to split")
    if context.spec.get("target") is not None:
        read_target(frame, str(context.spec["target"]), what="the data to split", both_classes=True)
    assigned = assign_parts(frame, context.spec)
    artifacts = {}
    evidence = []
    for part in context.spec["parts"]:
        rows = frame[assigned == part]
        if len(rows) == 0:
            raise StageRefused(
                "a part without rows",
                f"{len(frame)} rows are too few for the part `{part}`. Add rows, or give it a larger share.",
            )
        artifacts[part] = write_frame(rows, context.out / f"{part}.parquet")
        evidence.append(Evidence("rows", len(rows), "count", each="part", item=part))
    evidence.append(Evidence("shared_rows", shared_rows(frame, assigned), "count", n=len(frame)))
    by = context.spec.get("grouped_by")
    if by is not None:
        evidence.append(Evidence("shared_groups", _shared_groups(frame[by], assigned), "count", n=len(frame)))
    return StageResult(artifacts=artifacts, evidence=evidence)


def _shared_groups(groups: "pd.Series[Any]", assigned: "npt.NDArray[np.str_]") -> int:
    """How many values of the column that groups occur in more than one part."""
    import pandas as pd

    parts = pd.DataFrame({"group": groups.to_numpy(), "part": assigned}).drop_duplicates()
    return int((parts["group"].value_counts() > 1).sum())


def shared_rows(frame: "pd.DataFrame", assigned: "npt.NDArray[np.str_]") -> int:
    """How many different rows (all columns equal) occur in more than one part."""
    import pandas as pd

    keys = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    parts = pd.DataFrame({"row": keys, "part": assigned}).drop_duplicates()
    return int((parts["row"].value_counts() > 1).sum())
