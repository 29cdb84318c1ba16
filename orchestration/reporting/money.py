"""Exact money: no value is rounded before the one rounding at the end (definition: Rounding)."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from orchestration.errors import DynamicsError

_MICROSECOND = timedelta(microseconds=1)
_HALF = Fraction(1, 2)
_CENT = Decimal("0.01")
DECIMAL_CONTEXT = Context(prec=1000, rounding=ROUND_HALF_UP)
"""A context with more digits than any sum of amounts, also after multiplication by rates."""


class MissingRate(DynamicsError):
    """The report needs an exchange rate that the source does not have (definition: Currency)."""

    def __init__(self, currency: str, day: date) -> None:
        super().__init__(
            f"no exchange rate of {currency} for {day}: load one that is valid from then or earlier"
            " (exchange_rates.csv)"
        )


def closing_date(end: datetime) -> date:
    """Return the UTC date for which the balances at a period's `end` are converted.

    It is the date of the period's last microsecond (definition: Currency).
    """
    return (end - _MICROSECOND).date()


def round_money(value: Fraction | Decimal) -> Decimal:
    """Round a value to two decimals, half away from zero (definition: Rounding)."""
    if isinstance(value, Decimal):
        cents = value.quantize(_CENT, context=DECIMAL_CONTEXT)
        return cents or abs(cents)  # never -0.00
    whole = (abs(value) * 100 + _HALF).__floor__()
    # Arithmetic on decimals would round to the 28 digits of the default context.
    return Decimal((int(value < 0 and whole > 0), tuple(map(int, str(whole))), -2))
