"""The compiler's table of metrics says what the built-in stages really measure."""

import pytest

from charter.compiler.ir import StageKind
from charter.compiler.metrics import METRICS, measured_by

fairness = pytest.importorskip("charter.runtime.stages.fairness")
metrics = pytest.importorskip("charter.runtime.stages.metrics")
validate = pytest.importorskip("charter.runtime.stages.validate")


def really(kind: StageKind) -> list[str]:
    """Without what is proved and compiled, and measured by no stage yet."""
    return [name for name in measured_by(kind) if METRICS[name].runs]


def test_evaluations_measure_exactly_these():
    assert set(really("evaluate")) == {*metrics.METRICS, *fairness.FAIRNESS_METRICS}


def test_fairness_metrics_need_a_column():
    assert {name for name, metric in METRICS.items() if metric.over} == set(fairness.FAIRNESS_METRICS)


def test_datasets_measure_exactly_these():
    assert set(measured_by("validate")) == set(validate._MEASURES)


def test_monitors_measure_what_evaluations_do_and_the_log():
    assert set(really("monitor")) == {*really("evaluate"), "psi", "error_rate"}
