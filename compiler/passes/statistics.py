"""Statistics: a bound `with confidence` can be established at all with the rows that are guaranteed.

Asked is the most favourable outcome that the guaranteed rows leave possible: all decisions right, both classes alike
where no `share` says otherwise. Where even that misses the bound, the gate could never be relied on to open. The
limits are those of the intervals that the stages measure (`charter.runtime.stages.intervals`).
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from charter.compiler import model
from charter.compiler.binomial import clopper_pearson, reach
from charter.compiler.codes import error
from charter.compiler.data import Rows, final_rows, rows_of
from charter.compiler.guarantees import Guaranteed, guaranteed
from charter.compiler.metrics import METRICS
from charter.compiler.passes.context import Context
from charter.compiler.sentences import bound_sentence
from charter.compiler.threshold import threshold_of
from charter.dsl.diagnostics import Diagnostic, Related

_MOST_ROWS = 10**15
_MOST_ROWS_OF_SHARES = 10**8
"""Beyond, nobody has the rows, and numbers cannot be told apart or take long to find."""
_MOST_GROUPS = 100
"""So many groups `share` is measured of at most."""

_COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
)

_EXACT = "exact binomial interval (Clopper-Pearson)"
_LIMIT = "exact binomial limit (Clopper-Pearson), which no interval of a value from 0 to 1 may pass"
_METHODS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": _EXACT,
        "precision": _EXACT,
        "recall": _EXACT,
        "selection_rate": _EXACT,
        "share": _EXACT,
        "error_rate": _EXACT,
        "f1": f"{_EXACT} of the rows that it counts",
        "roc_auc": "exact limit of the smaller class, where DeLong's interval would shrink to a point",
        "brier_score": _LIMIT,
        "expected_calibration_error": _LIMIT,
        "demographic_parity_difference": f"{_LIMIT}, of the smallest group",
        "demographic_parity_ratio": f"{_LIMIT}, of the smallest group",
        "equalized_odds_difference": f"{_LIMIT}, of the smallest group and outcome",
        "equalized_odds_ratio": f"{_LIMIT}, of the smallest group and outcome",
    }
)
"""How the end of the interval is found, by metric; of the others no limit is known."""

_OF_ALL_ROWS = ("accuracy", "selection_rate", "brier_score", "expected_calibration_error", "share", "error_rate")
"""What every row decides on; the other metrics rest on one class, or on the smallest group."""


class Judgement(Struct, frozen=True):
    """What can be said of one bound `with confidence` before anything is measured.

    Attributes:
        verdict: `possible` and `impossible` are proved; `open` is not, and `why` says for want of what. Of a
            `possible` one, `why` says what was assumed.
        finding: of an impossible one.
    """

    name: str
    bound: model.Bound
    verdict: Literal["possible", "impossible", "open"]
    why: str = ""
    finding: Diagnostic | None = None


def check_statistics(context: Context) -> Iterator[Diagnostic]:
    """CH0608 the guaranteed rows cannot establish the bound."""
    for judgement in judge(context.charter):
        if judgement.finding is not None:
            yield judgement.finding


def judge(charter: model.Charter) -> Iterator[Judgement]:
    """One judgement for every bound `with confidence`."""
    for declared in charter.measuring():
        for bound in declared.requires:
            if bound.confidence is not None and bound.confidence < 1 and _makes_sense(bound):
                yield _judge(charter, declared, bound)


def _makes_sense(bound: model.Bound) -> bool:
    """Whether it is in its unit and can be met at all; where it is not, other passes say so."""
    metric = METRICS.get(bound.metric)
    if metric is None or bound.quantity is None or bound.comparison is None:
        return False
    threshold = threshold_of(bound, metric.name)
    return threshold is not None and not metric.range.intersect(threshold.values).is_empty


def _judge(charter: model.Charter, declared: model.Measuring, bound: model.Bound) -> Judgement:
    rows = final_rows(declared) if isinstance(declared, model.Dataset) else rows_of(charter, declared.on)
    if bound.metric not in _METHODS:
        return Judgement(declared.name, bound, "open", f"no limit is known for `{bound.metric}`")
    if rows is None:
        return Judgement(declared.name, bound, "open", "how many rows there will be is not known")
    found = guaranteed(rows)
    if found is None:
        return Judgement(declared.name, bound, "open", f"no `require rows` of `{rows.dataset.name}` guarantees any")
    if rows.part is not None and _grouped(rows):
        return Judgement(declared.name, bound, "open", "a split by groups guarantees no number of rows")
    case = _Case(bound, found)
    if found.least > case.most:
        return Judgement(declared.name, bound, "open", f"this check reckons with {case.most:,} rows at most")
    if case.holds(found.least):
        why = "" if case.is_certain else f"how many rows there are {_of_which(bound)}"
        return Judgement(declared.name, bound, "possible", why)
    detail = _detail(case, declared)
    related = Related(found.bound.node.span, "guaranteed here")
    return Judgement(declared.name, bound, "impossible", finding=error("CH0608", bound.node.span, detail, related))


def _grouped(rows: Rows) -> bool:
    split = rows.dataset.split
    return split is not None and split.grouped_by is not None


class _Case(Struct, frozen=True):
    """One bound, and what is guaranteed of the rows that it is measured on."""

    bound: model.Bound
    found: Guaranteed

    @property
    def most(self) -> int:
        """With how many rows this check reckons at most."""
        return _MOST_ROWS_OF_SHARES if self.bound.metric == "share" else _MOST_ROWS

    @property
    def target(self) -> str | None:
        """The column with the outcome."""
        named = self.found.rows.dataset.target
        return named.text if named else None

    def holds(self, whole: int) -> bool:
        """Whether the best end of an interval of a dataset with `whole` rows clears the bound."""
        compare = _COMPARE.get(self.bound.comparison or "")  # with `==` the two ends would have to meet
        assert self.bound.quantity is not None
        return compare is not None and compare(self.best_end(whole), float(self.bound.quantity.value))

    def best_end(self, whole: int) -> float:
        """The lower end of the interval for a lower bound, the upper for an upper: of the most favourable outcome."""
        confidence, count, metric = float(self.bound.confidence or 0), self.deciding(whole), self.bound.metric
        upwards = self.bound.comparison in (">=", ">")
        if metric == "share":
            return _best_share(count, confidence, upwards=upwards)
        furthest = reach(count, confidence)
        end = furthest if upwards else 1 - furthest
        return 2 * end / (1 + end) if metric == "f1" else end

    def deciding(self, whole: int) -> int:
        """The rows that the metric rests on: at most so many are guaranteed."""
        found, count = self.found, self.found.count(whole)
        of_class = found.smallest_group(self.target, whole)
        of_group = found.smallest_group(self.bound.over, whole)
        match self.bound.metric:
            case "recall" | "precision" | "f1":
                return count if of_class is None else of_class
            case "roc_auc":
                return count // 2 if of_class is None else min(of_class, count // 2)
            case "demographic_parity_difference" | "demographic_parity_ratio":
                return count // 2 if of_group is None else min(of_group, count // 2)
            case "equalized_odds_difference" | "equalized_odds_ratio":
                halves = (count // 2 if known is None else min(known, count // 2) for known in (of_class, of_group))
                return min(halves) // 2
        return count

    @property
    def is_certain(self) -> bool:
        """Whether the smallest class and group are guaranteed too, so that nothing favourable is assumed of them."""
        least = self.found.least
        of_class = self.found.smallest_group(self.target, least) is not None
        of_group = self.found.smallest_group(self.bound.over, least) is not None
        if self.bound.metric in _OF_ALL_ROWS:
            return True
        if self.bound.over is None:
            return of_class
        return of_group and (of_class or self.bound.metric.startswith("demographic"))

    def smallest_whole(self) -> int | None:
        """The fewest rows of the dataset that can establish the bound; None when not even the most can."""
        low, high = self.found.least, self.most
        if not self.holds(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.holds(middle) else (middle, high)
        return high


def _best_share(count: int, confidence: float, *, upwards: bool) -> float:
    """Of every group: two that are alike have the largest smallest share, as many as there may be the smallest."""
    if count < 2:
        return 0.0 if upwards else 1.0
    low, _ = clopper_pearson(count // 2, count, confidence)
    _, high = clopper_pearson(-(-count // _MOST_GROUPS), count, confidence)
    return low if upwards else high


def _detail(case: _Case, declared: model.Measuring) -> str:
    bound, found = case.bound, case.found
    where = found.rows.dataset.name if found.rows.part is None else f"{found.rows.dataset.name}.{found.rows.part}"
    said = f"`{bound_sentence(bound)}` cannot be established: {_sizes(case, where)}"
    if bound.comparison == "==":
        return f"{said}, and `==` asks for an interval without a width. Write `>=` or `<=`."
    end = "lower" if bound.comparison in (">=", ">") else "upper"
    best = f"Even the most favourable outcome leaves the {end} end of the interval at"
    return (
        f"{said}. {best} {_shown(case.best_end(found.least), end)}. {_mend(case, declared)} "
        f"Method: {_METHODS[bound.metric]}, two-sided."
    )


def _mend(case: _Case, declared: model.Measuring) -> str:
    smallest, dataset = case.smallest_whole(), case.found.rows.dataset
    if smallest is None:
        return f"Not even {case.most:,} rows could, since an interval has a width: leave it a margin."
    of = "" if dataset is declared else f" of `{dataset.name}`"
    more = "" if case.is_certain else ", and more where the outcome is less favourable"
    return f"The smallest number that can is `require rows >= {smallest}`{of}{more}; or loosen the bound."


def _sizes(case: _Case, where: str) -> str:
    count, deciding = case.found.count(case.found.least), case.deciding(case.found.least)
    said = f"`require {bound_sentence(case.found.bound)}` guarantees {_rows(count)} of `{where}`"
    if case.bound.metric in _OF_ALL_ROWS:
        return said
    if case.is_certain:
        return f"{said}, and {_rows(deciding)} {_of_which(case.bound)}"
    return f"{said}, at most {_rows(deciding)} of these {_of_which(case.bound)}"


def _of_which(bound: model.Bound) -> str:
    if bound.metric == "roc_auc":
        return "with the rarer outcome"
    if bound.over is None:
        return "with a positive outcome"
    group = f"in the smallest group of `{bound.over}`"
    return group if bound.metric.startswith("demographic") else f"{group} with the rarer outcome"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _shown(value: float, end: str) -> str:
    """Four digits, rounded away from the bound, so that it never looks met."""
    scaled = value * 10_000
    rounded = int(scaled) if end == "lower" else -int(-scaled // 1)
    return f"{rounded / 10_000:g}"
