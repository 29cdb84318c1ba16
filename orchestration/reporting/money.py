"""Conversion between currencies, exact until the one rounding at the end (spec 6)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError
from orchestration.reporting.statements import statement

_MICROSECOND = timedelta(microseconds=1)
_HALF = Fraction(1, 2)


class MissingRate(DynamicsError):
    """A rate that a report needs and the source does not have; no report is made (spec 6)."""


class Converter:
    """Exchange rates of the dates one report needs, into its currency.

    A sum of quotients is kept as a fraction, because decimals of any length can miss a half cent.
    """

    def __init__(self, currency: str, base_currency: str, rates: dict[tuple[str, date], Decimal]) -> None:
        self._currency = currency
        self._base = base_currency
        self._rates = rates

    def convert(self, amount: Decimal, currency: str, day: date) -> Fraction:
        """`amount` of `currency` in the report's currency at the rates of the UTC date `day`."""
        if currency == self._currency:
            return Fraction(amount)
        return Fraction(amount) * self._rate(currency, day) / self._rate(self._currency, day)

    def _rate(self, currency: str, day: date) -> Fraction:
        return Fraction(1) if currency == self._base else Fraction(self._rates[currency, day])


def converter(
    connection: Connection[TupleRow], currency: str, base_currency: str, wanted: Iterable[tuple[str, date]]
) -> Converter:
    """A converter into `currency` for amounts of the `wanted` currencies and UTC dates.

    An amount in the report's own currency needs no rate, and the base currency is worth one. Raises
    MissingRate with the first date that lacks a rate.
    """
    foreign = {(other, day) for other, day in wanted if other != currency}
    needed = foreign | {(currency, day) for _, day in foreign}
    needed = {(other, day) for other, day in needed if other != base_currency}
    rates: dict[tuple[str, date], Decimal] = {}
    missing: list[tuple[date, str]] = []
    if needed:
        arrays = {"currencies": [other for other, _ in needed], "dates": [day for _, day in needed]}
        for other, day, rate in connection.execute(statement("rates"), arrays):
            if rate is None:
                missing.append((day, other))
            else:
                rates[other, day] = rate
    if missing:
        day, other = min(missing)
        raise MissingRate(
            f"no exchange rate of {other} for {day}: load one that is valid from then or earlier (exchange_rates.csv)"
        )
    return Converter(currency, base_currency, rates)


def closing_date(end: datetime) -> date:
    """The UTC date whose rate converts balances at a period's `end`: that of its last microsecond (spec 6)."""
    return (end - _MICROSECOND).date()


def rounded(value: Fraction) -> Decimal:
    """`value` to two decimals, half away from zero (spec 6)."""
    whole = (abs(value) * 100 + _HALF).__floor__()
    # Built from its digits: arithmetic on decimals would round to the context's 28.
    return Decimal((int(value < 0 and whole > 0), tuple(map(int, str(whole))), -2))
