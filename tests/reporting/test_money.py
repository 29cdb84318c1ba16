"""Money is exact until its one rounding, half away from zero (definition: Rounding)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from orchestration.reporting.exact_arithmetic import QuotientSums
from orchestration.reporting.money import closing_date, round_money

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
def test_half_a_cent_is_rounded_away_from_zero(value, expected):
    assert str(round_money(Fraction(value))) == expected


def test_a_fraction_wider_than_the_decimal_context_is_exact():
    assert round_money(Fraction("123456789012345678901234567890123456.785")) == Decimal(
        "123456789012345678901234567890123456.79"
    )


def total_and_half(*amounts):
    """Return the rounded sum of amounts, and half of it. A pair is an amount and its divisor."""
    pairs = [amount if isinstance(amount, tuple) else (amount, "1") for amount in amounts]
    scale = 10**6
    numerators = np.array([int(Fraction(amount) * scale) for amount, _ in pairs], object)
    denominators = np.array([int(rate) for _, rate in pairs], object)
    sums = QuotientSums(numerators[np.newaxis], denominators, np.zeros(len(pairs), np.int64), 1)
    results = []
    for divisor in (1, 2):
        ((cents,),) = sums.round_rows(slice(None), divisor * scale // 100)
        results.append(Decimal(f"{int(cents)}e-2"))
    return tuple(results)


def test_quotients_with_infinite_decimals_are_exact():
    """0.01/3 + 0.01/6 is exactly half a cent. No finite decimals add up to it."""
    assert total_and_half(("0.01", "3"), ("0.01", "6")) == (Decimal("0.01"), Decimal("0.00"))
    assert total_and_half(("-0.01", "3"), ("-0.01", "6")) == (Decimal("-0.01"), Decimal("0.00"))
    assert total_and_half(("0.01", "3"), ("0.01", "6"), "-0.000001")[0] == Decimal("0.00")


def test_sums_mix_amounts_with_and_without_a_divisor():
    assert total_and_half("1.5", ("0.01", "4"), "-0.5") == (Decimal("1.00"), Decimal("0.50"))
    assert total_and_half("1.5", ("0.02", "4"), "-0.5") == (Decimal("1.01"), Decimal("0.50"))


def test_a_sum_wider_than_the_decimal_context_is_exact():
    total, _ = total_and_half("123456789012345678901234567890123456.78", "0.005")
    assert total == Decimal("123456789012345678901234567890123456.79")


@pytest.mark.parametrize(
    ("amount", "text"), [("-0.004", "0.00"), ("-0.005", "-0.01"), ("0.005", "0.01"), ("0.0049", "0.00")]
)
def test_decimals_are_rounded_like_fractions(amount, text):
    assert str(round_money(Decimal(amount))) == str(round_money(Fraction(amount))) == text


def test_the_closing_date_is_that_of_the_last_microsecond():
    assert closing_date(datetime(2018, 3, 1, tzinfo=UTC)) == date(2018, 2, 28)
    assert closing_date(datetime(2018, 3, 1, 0, 0, 0, 1, tzinfo=UTC)) == DAY
