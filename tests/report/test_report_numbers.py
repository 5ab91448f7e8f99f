"""Numbers as people read them."""

import pytest

from charter.runtime.report.numbers import duration, listed, plural, shown, size


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("0.91274", "ratio", "0.9127"),
        ("0.5", "ratio", "0.5"),
        ("1", "ratio", "1"),
        ("32561", "count", "32,561"),
        ("1.1e-07", "number", "1.1e-7"),
        ("12.34567", "number", "12.346"),
        ("-0.25", "number", "-0.25"),
        (True, None, "yes"),
        ("cpu", None, "cpu"),
        ("NaN", None, "NaN"),
        ("1e400", None, "1.0e+400"),
        ("86400", "seconds", "1 day"),
        ("1536", "bytes", "1.5 kB"),
    ],
)
def test_shown(value, unit, text):
    assert shown(value, unit) == text


def test_words():
    assert [duration(item) for item in (0.41, 45, 600, 63072000)] == ["0.4 s", "45 s", "10 minutes", "2 years"]
    assert [size(item) for item in (0, 999, 1000, 2.5e9)] == ["0 bytes", "999 bytes", "1.0 kB", "2.5 GB"]
    assert [plural(item, "gate") for item in (0, 1, 2)] == ["no gates", "1 gate", "2 gates"]
    assert [listed(list(item)) for item in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
