"""A bound as the set of values that it accepts, and several of them together."""

from msgspec import Struct, field

from charter.compiler import model
from charter.compiler.intervals import Interval, accepted
from charter.compiler.ir import Unit
from charter.compiler.metrics import METRICS
from charter.compiler.sentences import attack_text, shown
from charter.compiler.units import fits

Scope = tuple[str, str | None, str | None]
"""Metric, `over` and `each`: bounds of one scope are on the same value, if they are on the same rows."""
Place = tuple[Scope, str | None, str]
"""Scope, the rows of `on` and the attack: bounds of one place are on the same value."""


class Threshold(Struct, frozen=True):
    """A bound with the values that it accepts (or, of a retirement, that retire)."""

    bound: model.Bound
    metric: str
    values: Interval

    @property
    def text(self) -> str:
        """`<= 0.2`."""
        assert self.bound.quantity is not None
        return f"{self.bound.comparison} {shown(self.metric, self.bound.quantity)}"


class Accepted(Struct):
    """The values that several thresholds accept together."""

    values: Interval = field(default_factory=Interval)
    thresholds: list[Threshold] = field(default_factory=list)

    def add(self, threshold: Threshold) -> None:
        """Accept only what this one accepts, too."""
        self.values = self.values.intersect(threshold.values)
        self.thresholds.append(threshold)


def threshold_of(bound: model.Bound, metric: str | None = None) -> Threshold | None:
    """The threshold of a bound; None when its number is unknown or of another unit.

    `metric` is its name without a monitor's.
    """
    if bound.quantity is None or bound.comparison is None:
        return None
    unit = wanted_unit(bound)
    if unit is not None and not fits(bound.quantity.unit, unit):
        return None
    return Threshold(bound, metric or bound.metric, accepted(bound.comparison, bound.quantity.value))


def wanted_unit(bound: model.Bound) -> Unit | None:
    """The unit that a bound's metric is counted in; None when the metric is not known."""
    name = bound.metric.rpartition(".")[2]
    if name == "age":
        return "seconds"
    return METRICS[name].unit if name in METRICS else None


def place_of(bound: model.Bound) -> Place:
    """What a bound is on, and on which rows."""
    return (scope_of(bound), bound.on, attack_text(bound.node.attack) if bound.node.attack else "")


def scope_of(bound: model.Bound) -> Scope:
    """What a bound is on."""
    return (bound.metric, bound.over, bound.each)
