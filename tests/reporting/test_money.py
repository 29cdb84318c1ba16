"""Conversion is exact until one rounding, half away from zero (spec 6)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from orchestration.reporting.cells import SumRow, Sums
from orchestration.reporting.money import closing_date, rounded
from orchestration.reporting.table import Block

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


def refilled(*amounts):
    """What refills come to in one period: amounts, or pairs of one in the base currency and the rate that divides it."""
    rows = [
        SumRow(1, 1, "refill", 1, Decimal(0), Decimal(amount[0]), Decimal(amount[1]), None, None)
        if isinstance(amount, tuple)
        else SumRow(1, 1, "refill", 1, Decimal(amount), Decimal(0), None, None, None)
        for amount in amounts
    ]
    block = Block(None, Sums(rows).block_cells(1, known=1, periods=1))
    return block.row("Balance Refill", "Total") + block.row("Balance Refill", "Avg")


def test_quotients_that_never_end_still_meet_the_half_cent():
    """0.01/3 + 0.01/6 is half a cent exactly; no length of decimals adds up to it."""
    assert refilled(("0.01", "3"), ("0.01", "6")) == (Decimal("0.01"), Decimal("0.00"))


def test_amounts_that_need_no_rate_are_added_to_those_that_do():
    assert refilled("1.5", ("0.01", "4"), "-0.5") == (Decimal("1.00"), Decimal("0.33"))


def test_a_sum_wider_than_the_decimal_context_keeps_every_cent():
    assert refilled("123456789012345678901234567890123456.78", "0.005")[0] == Decimal(
        "123456789012345678901234567890123456.79"
    )


@pytest.mark.parametrize(
    ("amount", "text"), [("-0.004", "0.00"), ("-0.005", "-0.01"), ("0.005", "0.01"), ("0.0049", "0.00")]
)
def test_decimals_are_rounded_as_fractions_are(amount, text):
    assert str(rounded(Decimal(amount))) == str(rounded(Fraction(amount))) == text


def test_balances_close_at_the_rate_of_the_periods_last_microsecond():
    assert closing_date(datetime(2018, 3, 1, tzinfo=UTC)) == date(2018, 2, 28)
    assert closing_date(datetime(2018, 3, 1, 0, 0, 0, 1, tzinfo=UTC)) == DAY
