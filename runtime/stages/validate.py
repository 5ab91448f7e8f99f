"""The validate stage: every row against the JSON Schema, and what the charter requires of the rows as a whole.

A missing value is `null` to the schema. Messages and evidence name row and column, never the value: it may be
personal.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from charter.runtime.stages.api import Evidence, Measure, StageContext, StageRefused, StageResult
from charter.runtime.stages.intervals import DEFAULT_CONFIDENCE, proportion
from charter.runtime.stages.row_schema import check_rows
from charter.runtime.stages.suggest import suggestion
from charter.runtime.stages.tables import read_frame, require_columns

if TYPE_CHECKING:
    import pandas as pd

_WHAT = "the data to validate"
_MOST_EXAMPLES = 3
_MOST_GROUPS = 100


def validate(context: StageContext) -> StageResult:
    """Measure what the charter asks for; with a schema, `schema_violations` too."""
    frame = read_frame(context.inputs["data"], what=_WHAT)
    # Personal columns may have been dropped; the others are needed later.
    named = (context.spec.get("target"), *context.spec.get("protected", ()))
    require_columns(frame, [column for column in named if column], what=_WHAT)
    evidence: list[Evidence] = []
    for measure in context.measures:
        if measure.metric not in _MEASURES:
            raise StageRefused(
                "unknown metric",
                f"`{measure.metric}` cannot be measured on a dataset.{suggestion(measure.metric, _MEASURES)}",
            )
        for item in _MEASURES[measure.metric](frame, measure, context.spec):
            if item not in evidence:
                evidence.append(item)
    return StageResult(evidence=evidence)


def _rows(frame: "pd.DataFrame", _measure: Measure, _spec: Mapping[str, Any]) -> list[Evidence]:
    return [Evidence("rows", len(frame), "count", n=len(frame))]


def _missing(frame: "pd.DataFrame", measure: Measure, _spec: Mapping[str, Any]) -> list[Evidence]:
    """The share of missing values in the worst column: an average would let many full columns hide an empty one."""
    worst = float(frame.isna().mean().max())
    return [Evidence("missing", worst, "ratio", n=len(frame), method="share in the column that misses most")]


def _share(frame: "pd.DataFrame", measure: Measure, spec: Mapping[str, Any]) -> list[Evidence]:
    """The share of rows of each group; groups that the schema lists (`enum`) and no row has count as 0."""
    if measure.each is None:
        raise StageRefused(
            "share of what", "`share` is measured of the groups of a column: `share of each sex >= 30%`."
        )
    require_columns(frame, [measure.each], what=_WHAT)
    counts = {_group(value): int(count) for value, count in frame[measure.each].value_counts(dropna=False).items()}
    listed = ((spec.get("schema") or {}).get("properties") or {}).get(measure.each)
    for value in (listed or {}).get("enum", ()) if isinstance(listed, Mapping) else ():
        if value is not None:
            counts.setdefault(_group(value), 0)
    if len(counts) < 2:
        raise StageRefused(
            "one group only",
            f"every row has the same `{measure.each}`, so a share of each group says nothing. List the groups that "
            "must be there as `enum` in the schema, or check how the rows were selected.",
        )
    if len(counts) > _MOST_GROUPS:
        raise StageRefused(
            "too many groups", f"`{measure.each}` has {len(counts)} different values; `bin` it into groups first."
        )
    level = measure.confidence or DEFAULT_CONFIDENCE
    return [_share_of(measure.each, item, counts[item], len(frame), level) for item in sorted(counts)]


def _share_of(column: str, item: str, count: int, rows: int, level: float) -> Evidence:
    interval = proportion(count, rows, level)
    return Evidence(
        "share",
        count / rows,
        "ratio",
        n=rows,
        low=interval.low,
        high=interval.high,
        confidence=level,
        method=interval.method,
        each=column,
        item=item,
    )


def _group(value: Any) -> str:
    missing = value is None or value != value  # noqa: PLR0124 - NaN is the value that differs from itself
    return "(missing)" if missing else str(value)


def _schema_violations(frame: "pd.DataFrame", _measure: Measure, spec: Mapping[str, Any]) -> list[Evidence]:
    schema = spec.get("schema")
    if schema is None:
        raise StageRefused("no schema", "`schema_violations` needs a `schema` clause in the dataset.")
    violations = check_rows(frame, schema)
    counted = Evidence("schema_violations", len(violations), "count", n=len(frame))
    examples = (
        Evidence("schema_violation", f"column `{place}`: breaks `{keyword}`", each="row", item=str(row))
        for row, (place, keyword) in sorted(violations.items())[:_MOST_EXAMPLES]
    )
    return [counted, *examples]


_MEASURES: Mapping[str, Callable[["pd.DataFrame", Measure, Mapping[str, Any]], list[Evidence]]] = {
    "rows": _rows,
    "missing": _missing,
    "share": _share,
    "schema_violations": _schema_violations,
}
