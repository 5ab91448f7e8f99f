"""Units: one number, however it is written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charter.compiler.units import UNITS, Quantity, as_json, fits, normalise, parse_quantity, plain, show
from charter.dsl.values import UNITS as WRITTEN_UNITS


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        ("95%", "0.95", "ratio"),
        ("0.95", "0.95", "number"),
        ("2 minutes", "120", "seconds"),
        ("2minutes", "120", "seconds"),
        ("1 day", "86400", "seconds"),
        ("4 GB", "4000000000", "bytes"),
        ("4 GiB", "4294967296", "bytes"),
        ("5_000", "5000", "number"),
        ("3 checks", "3", "count"),
        ("1e-3", "0.001", "number"),
        ("-1", "-1", "number"),
    ],
)
def test_written_quantities(written: str, value: str, unit: str):
    quantity = parse_quantity(written)
    assert quantity is not None
    assert (quantity.value, quantity.unit) == (Decimal(value), unit)


@pytest.mark.parametrize(
    "written", ["", "high", "1 fortnight", "1e9999", "--1", "1 2", "0.78;", "nan", "infinity", "٣"]
)
def test_no_quantity(written: str):
    assert parse_quantity(written) is None


def test_calendar_units_agree_with_each_other():
    assert parse_quantity("24 months") == parse_quantity("2 years")
    ten_years = parse_quantity("10 years")
    assert ten_years is not None
    days = ten_years.value / 86400
    assert 3652 <= days <= 3653, "ten calendar years have 3652 or 3653 days"


def test_every_unit_of_the_language_has_a_meaning():
    assert set(UNITS) >= WRITTEN_UNITS


@given(st.decimals(min_value=0, max_value=100, places=4))
def test_percent_and_ratio_are_the_same_number(percent: Decimal):
    written = normalise(percent, "%")
    assert written is not None
    ratio = normalise(percent / 100, None)
    assert ratio is not None
    assert float(written.value) == float(ratio.value)
    assert as_json(written.value) == as_json(ratio.value)


@given(st.decimals(allow_nan=True, allow_infinity=True), st.sampled_from([None, *UNITS]))
def test_never_raises_and_stays_finite(value: Decimal, unit: str | None):
    quantity = normalise(value, unit)
    if quantity is not None:
        assert float(quantity.value) not in (float("inf"), float("-inf"))
        plain(quantity.value)
        show(quantity)


def test_integers_have_one_json_form():
    assert [as_json(Decimal(text)) for text in ("1", "1.0", "1.000", "1E0")] == [1, 1, 1, 1]
    assert all(isinstance(as_json(Decimal(text)), int) for text in ("1", "1.0"))
    assert as_json(Decimal("1e20")) == 1e20


def test_what_fits_where():
    assert fits("number", "ratio") and fits("number", "count") and fits("ratio", "ratio")
    assert not fits("ratio", "seconds") and not fits("ratio", "count") and not fits("number", "seconds")


def test_shown_as_people_write_it():
    two_years = parse_quantity("24 months")
    assert two_years is not None
    assert show(two_years) == "2 years"
    assert show(Quantity(Decimal(120), "seconds")) == "2 minutes"
    assert show(Quantity(Decimal(60), "seconds")) == "1 minute"
    assert show(Quantity(Decimal("0.10"), "ratio")) == "0.1"
    assert show(Quantity(Decimal(4000000000), "bytes")) == "4 GB"


def test_sizes_beyond_all_sense_are_still_shown():
    assert show(Quantity(Decimal("932608344083721789255929344850.001"), "seconds")).endswith(" seconds")
