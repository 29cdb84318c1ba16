"""Money is exact until the one rounding at the end (spec 6)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from orchestration.errors import DynamicsError

_MICROSECOND = timedelta(microseconds=1)
_HALF = Fraction(1, 2)


class MissingRate(DynamicsError):
    """A rate that a report needs and the source does not have; no report is made (spec 6)."""

    def __init__(self, currency: str, day: date) -> None:
        super().__init__(
            f"no exchange rate of {currency} for {day}: load one that is valid from then or earlier (exchange_rates.csv)"
        )


def in_report_currency(own_amount: Decimal, base_amount: Decimal, report_rate: Decimal | None) -> Fraction:
    """An amount of which one part is in the report's currency already and one in the base currency.

    `report_rate` is what one unit of the report's currency is worth in the base currency. A fraction, because a sum
    of quotients can meet a half cent exactly that no length of decimals does.
    """
    if report_rate is None:
        return Fraction(own_amount)
    return Fraction(own_amount) + Fraction(base_amount) / Fraction(report_rate)


def closing_date(end: datetime) -> date:
    """The UTC date whose rate converts balances at a period's `end`: that of its last microsecond (spec 6)."""
    return (end - _MICROSECOND).date()


def rounded(value: Fraction) -> Decimal:
    """`value` to two decimals, half away from zero (spec 6)."""
    whole = (abs(value) * 100 + _HALF).__floor__()
    # Built from its digits: arithmetic on decimals would round to the context's 28.
    return Decimal((int(value < 0 and whole > 0), tuple(map(int, str(whole))), -2))
