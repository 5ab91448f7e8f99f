"""The parameters of the built-in trainer: names as in the charter, defaults, bounds, and refusal of anything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.suggest import suggestion


@dataclass(frozen=True, slots=True)
class Parameters:
    """What `tabular-mlp` can be told.

    Attributes:
        hidden: widths of the hidden layers; none is a logistic regression.
        dropout: share of units dropped in training.
        epochs: passes over the training rows.
        learning_rate: of Adam.
        batch_size: rows a step.
        fairness_penalty: weight of the demographic parity penalty; 0 for none.
        fairness_over: protected column whose groups the penalty compares.
    """

    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.1
    epochs: int = 12
    learning_rate: float = 1e-3
    batch_size: int = 256
    fairness_penalty: float = 0.0
    fairness_over: str | None = None


_WHOLE: Mapping[str, tuple[int, int]] = {"epochs": (1, 10_000), "batch-size": (2, 1_000_000)}
_REAL: Mapping[str, tuple[float, float]] = {
    "dropout": (0.0, 0.95),
    "learning-rate": (1e-8, 10.0),
    "fairness-penalty": (0.0, 1e6),
}
_KNOWN = ("hidden", *_WHOLE, *_REAL, "fairness-over", "seed")
_MOST_LAYERS, _MOST_WIDTH = 20, 10_000


def read_parameters(given: Mapping[str, Any], protected: Sequence[str]) -> Parameters:
    """Check a charter's `parameters`; `seed` is the runtime's to pass on and only allowed here.

    Raises:
        StageRefused: unknown name, wrong kind or out of bounds, or a penalty over no protected column.
    """
    for name in given:
        if name not in _KNOWN:
            raise StageRefused(
                "unknown parameter", f"`tabular-mlp` has no parameter `{name}`.{suggestion(name, _KNOWN)}"
            )
    values: dict[str, Any] = {}
    for name, (low, high) in _WHOLE.items():
        if name in given:
            values[_attribute(name)] = _whole(name, given[name], low, high)
    for name, (least, most) in _REAL.items():
        if name in given:
            values[_attribute(name)] = _real(name, given[name], least, most)
    if "hidden" in given:
        values["hidden"] = _hidden(given["hidden"])
    if "fairness-over" in given:
        values["fairness_over"] = given["fairness-over"]
    parameters = Parameters(**values)
    _check_penalty(parameters, protected)
    return parameters


def _check_penalty(parameters: Parameters, protected: Sequence[str]) -> None:
    over = parameters.fairness_over
    if parameters.fairness_penalty > 0 and over is None:
        raise StageRefused("penalty over nothing", "`fairness-penalty` needs `fairness-over`, a protected column.")
    if over is not None and over not in protected:
        raise StageRefused(
            "not a protected column",
            f"`fairness-over: {over}` must name a column that the dataset lists as `protected`."
            f"{suggestion(str(over), protected)}",
        )


def _attribute(name: str) -> str:
    return name.replace("-", "_")


def _real(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise StageRefused(
            "parameter out of bounds", f"`{name}` must be a number from {low:g} to {high:g}, not `{value}`."
        )
    return float(value)


def _whole(name: str, value: Any, low: int, high: int) -> int:
    number = _real(name, value, low, high)
    if number != int(number):
        raise StageRefused("parameter out of bounds", f"`{name}` must be a whole number, not `{value}`.")
    return int(number)


def _hidden(value: Any) -> tuple[int, ...]:
    widths = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if len(widths) > _MOST_LAYERS:
        raise StageRefused(
            "parameter out of bounds", f"`hidden` has {len(widths)} layers; at most {_MOST_LAYERS} make sense here."
        )
    return tuple(_whole("hidden", item, 1, _MOST_WIDTH) for item in widths)
