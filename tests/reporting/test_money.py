"""Conversion is exact until one rounding, half away from zero (spec 6)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from orchestration.reporting.exact import QuotientSums
from orchestration.reporting.money import closing_date, rounded

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


def total_and_half(*amounts):
    """Return the rounded sum of amounts, and half of it. A pair is an amount and the rate that divides it."""
    pairs = [amount if isinstance(amount, tuple) else (amount, "1") for amount in amounts]
    scale = 10**6
    numerators = np.array([int(Fraction(amount) * scale) for amount, _ in pairs], object)
    denominators = np.array([int(rate) for _, rate in pairs], object)
    sums = QuotientSums(numerators[np.newaxis], denominators, np.zeros(len(pairs), np.int64), 1)
    found = []
    for parts in (1, 2):
        ((cents,),) = sums.rounded(slice(None), parts * scale // 100)
        found.append(Decimal(f"{int(cents)}e-2"))
    return tuple(found)


def test_quotients_that_never_end_still_meet_the_half_cent():
    """0.01/3 + 0.01/6 is half a cent exactly; no length of decimals adds up to it."""
    assert total_and_half(("0.01", "3"), ("0.01", "6")) == (Decimal("0.01"), Decimal("0.00"))
    assert total_and_half(("-0.01", "3"), ("-0.01", "6")) == (Decimal("-0.01"), Decimal("0.00"))
    assert total_and_half(("0.01", "3"), ("0.01", "6"), "-0.000001")[0] == Decimal("0.00")


def test_amounts_that_need_no_rate_are_added_to_those_that_do():
    assert total_and_half("1.5", ("0.01", "4"), "-0.5") == (Decimal("1.00"), Decimal("0.50"))
    assert total_and_half("1.5", ("0.02", "4"), "-0.5") == (Decimal("1.01"), Decimal("0.50"))


def test_a_sum_wider_than_the_decimal_context_keeps_every_cent():
    total, _ = total_and_half("123456789012345678901234567890123456.78", "0.005")
    assert total == Decimal("123456789012345678901234567890123456.79")


@pytest.mark.parametrize(
    ("amount", "text"), [("-0.004", "0.00"), ("-0.005", "-0.01"), ("0.005", "0.01"), ("0.0049", "0.00")]
)
def test_decimals_are_rounded_as_fractions_are(amount, text):
    assert str(rounded(Decimal(amount))) == str(rounded(Fraction(amount))) == text


def test_balances_close_at_the_rate_of_the_periods_last_microsecond():
    assert closing_date(datetime(2018, 3, 1, tzinfo=UTC)) == date(2018, 2, 28)
    assert closing_date(datetime(2018, 3, 1, 0, 0, 0, 1, tzinfo=UTC)) == DAY
