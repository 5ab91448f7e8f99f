"""Exact limits of a proportion, against SciPy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charter.compiler.binomial import clopper_pearson, incomplete_beta, reach

LEVELS = st.floats(0.5, 0.999999)
TRIALS = st.one_of(st.integers(1, 200), st.integers(1, 10**6))


@settings(max_examples=150, deadline=None)
@given(TRIALS, st.data(), LEVELS)
def test_limits_are_those_of_scipy(trials: int, data: st.DataObject, confidence: float):
    stats = pytest.importorskip("scipy.stats")
    successes = data.draw(st.one_of(st.just(0), st.just(trials), st.integers(0, trials)))
    low, high = clopper_pearson(successes, trials, confidence)
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, "exact")
    assert low == pytest.approx(expected.low, abs=1e-9) and high == pytest.approx(expected.high, abs=1e-9)
    assert 0 <= low <= successes / trials <= high <= 1
    assert low <= reach(trials, confidence) and high >= 1 - reach(trials, confidence)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.floats(1, 1e6), st.floats(1, 1e6))
def test_the_incomplete_beta_function_is_that_of_scipy(x: float, a: float, b: float):
    special = pytest.importorskip("scipy.special")
    assert incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-8)


def test_nothing_is_promised_at_the_ends():
    assert clopper_pearson(3, 3, 1.0) == (0.0, 1.0)
    assert reach(10**9, 1.0) == 0.0 and reach(0, 0.95) == 0.0
