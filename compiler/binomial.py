"""Exact (Clopper-Pearson) limits of a proportion, and how far a number of observations can reach at most.

Pure Python, so that `charter check` needs no numerical library; the stages that measure use the same functions, so
that what is proved before a run and what a gate decides on cannot disagree.

Two-sided at level P means that each end is held with (1 + P) / 2: the careful reading of `with confidence P`.

Sources: Clopper, Pearson, Biometrika 26 (1934); the continued fraction of the incomplete beta function: DLMF
8.17.22, evaluated by the method of Lentz, Applied Optics 15 (1976).
"""

import math

_TINY = 1e-300
_PRECISION = 1e-15
_HALVINGS = 200


def clopper_pearson(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """The two ends of the exact interval of a proportion, off by less than 1e-9.

    Args:
        successes: from 0 to `trials`.
        trials: at least 1.
        confidence: two-sided, in [0, 1).
    """
    tail = (1 - confidence) / 2
    share = successes / trials
    low, high = 0.0, 1.0
    if successes == trials:
        low = reach(trials, confidence)
    elif successes > 0:
        low = min(share, _quantile(tail, successes, trials - successes + 1))
    if successes == 0:
        high = 1 - reach(trials, confidence)
    elif successes < trials:
        high = max(share, 1 - _quantile(tail, trials - successes, successes + 1))
    return low, high


def reach(observations: int, confidence: float) -> float:
    """The highest lower end that so many observations can give, when all of them are successes.

    `1 - reach` is the lowest upper end, when none is. No interval of a mean of values from 0 to 1 that holds for
    every distribution ends beyond, since a coin may be the distribution.
    """
    tail = (1 - confidence) / 2
    return tail ** (1 / observations) if tail > 0 and observations > 0 else 0.0


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, for a and b of at least 1 and x in [0, 1]."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(logarithm) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    # It converges in the order of the square root of the larger argument.
    for m in range(1, 1_000 + 20 * math.isqrt(int(max(a, b)))):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + step * d)
            c = _not_zero(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _quantile(level: float, a: float, b: float) -> float:
    """The x at which the incomplete beta function reaches a level, by bisection: it grows from 0 to 1."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if incomplete_beta(middle, a, b) < level:
            low = middle
        else:
            high = middle
    return low
