"""Money is exact until the one rounding at the end (spec 6)."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from orchestration.errors import DynamicsError

_MICROSECOND = timedelta(microseconds=1)
_HALF = Fraction(1, 2)
_CENT = Decimal("0.01")
EXACT = Context(prec=1000, rounding=ROUND_HALF_UP)
"""Wider than any sum of amounts and of their products with rates."""


class MissingRate(DynamicsError):
    """A rate that a report needs and the source does not have; no report is made (spec 6)."""

    def __init__(self, currency: str, day: date) -> None:
        super().__init__(
            f"no exchange rate of {currency} for {day}: load one that is valid from then or earlier (exchange_rates.csv)"
        )


def closing_date(end: datetime) -> date:
    """The UTC date whose rate converts balances at a period's `end`: that of its last microsecond (spec 6)."""
    return (end - _MICROSECOND).date()


def rounded(value: Fraction | Decimal) -> Decimal:
    """`value` to two decimals, half away from zero (spec 6)."""
    if isinstance(value, Decimal):
        cents = value.quantize(_CENT, context=EXACT)
        return cents or abs(cents)  # a balance of zero has no sign
    whole = (abs(value) * 100 + _HALF).__floor__()
    # Built from its digits: arithmetic on decimals would round to the context's 28.
    return Decimal((int(value < 0 and whole > 0), tuple(map(int, str(whole))), -2))
