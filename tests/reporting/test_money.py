"""Conversion is exact until one rounding, half away from zero (spec 6)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from orchestration.reporting.money import closing_date, in_report_currency, rounded

DAY = date(2018, 3, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("0.0049999", "0.00"),
        ("-0.001", "0.00"),
        ("2.675", "2.68"),
        ("0", "0.00"),
    ],
)
def test_half_a_cent_goes_away_from_zero(value, expected):
    assert str(rounded(Fraction(value))) == expected


def test_amounts_beyond_the_decimal_context_keep_every_cent():
    assert rounded(Fraction("123456789012345678901234567890123456.785")) == Decimal(
        "123456789012345678901234567890123456.79"
    )


def test_quotients_that_never_end_still_meet_the_half_cent():
    """0.01/3 + 0.01/6 is half a cent exactly; no length of decimals adds up to it."""
    total = sum(in_report_currency(Decimal(0), Decimal("0.01"), Decimal(rate)) for rate in (3, 6))
    assert rounded(total) == Decimal("0.01")


def test_an_amount_in_the_reports_own_currency_needs_no_rate():
    assert in_report_currency(Decimal("1.5"), Decimal(0), None) == Fraction("1.5")


def test_balances_close_at_the_rate_of_the_periods_last_microsecond():
    assert closing_date(datetime(2018, 3, 1, tzinfo=UTC)) == date(2018, 2, 28)
    assert closing_date(datetime(2018, 3, 1, 0, 0, 0, 1, tzinfo=UTC)) == DAY
