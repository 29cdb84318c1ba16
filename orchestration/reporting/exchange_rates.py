"""Exchange rates of a build, as whole numbers: what one unit of a currency is worth in the base currency."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from orchestration.reporting.exact import narrowed
from orchestration.reporting.money import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from orchestration.builds.store import Build
    from orchestration.reporting.exact import Numbers

_EPOCH = date(1970, 1, 1)


class ExchangeRates:
    """The rates of some currencies. `missing` collects the dates that needed a rate and had none."""

    def __init__(
        self, build: Build, currencies: Iterable[str], report_currency: str, base_currency: str
    ) -> None:
        self.report_currency = report_currency
        self.missing: set[tuple[date, str]] = set()
        self._base_currency = base_currency
        known = {
            currency: build.remember(("exchange rates", currency), partial(_rates_of, build, currency))
            for currency in {*currencies, report_currency} - {base_currency}
        }
        decimals = max((decimals for _, _, decimals in known.values()), default=0)
        self.one = 10**decimals
        """The rate 1. The other rates are in the same units."""
        self._known = {
            currency: (days, narrowed(rates * 10 ** (decimals - own)))
            for currency, (days, rates, own) in known.items()
        }

    def numerators(self, currency: str, days: Numbers) -> Numbers:
        """Return the rates of `currency` on UTC days (since 1970); 0 where one is missing, and noted."""
        return self._at(currency, days)

    def denominators(self, days: Numbers) -> Numbers:
        """Return the rates of the report's currency on UTC days; 1 where one is missing, and noted."""
        rates = self._at(self.report_currency, days)
        rates[rates == 0] = self.one
        return rates

    def _at(self, currency: str, days: Numbers) -> Numbers:
        if currency == self._base_currency:
            return narrowed(np.full(len(days), self.one, object))
        valid_from, rates = self._known[currency]
        found = np.searchsorted(valid_from, days, "right")
        for day in np.unique(days[found == 0]):
            self.missing.add((_EPOCH + timedelta(days=int(day)), currency))
        chosen: Numbers = rates[found]
        return chosen


def _rates_of(build: Build, currency: str) -> tuple[Numbers, Numbers, int]:
    """Return the days from which rates of a currency hold, 0 followed by the rates, and their decimals."""
    rows = build.rows(
        "select valid_from, rate from exchange_rates where currency = $currency order by valid_from",
        {"currency": currency},
    )
    days = np.array([(day - _EPOCH).days for day, _ in rows], np.int64)
    decimals = max((_decimals(rate) for _, rate in rows), default=0)
    return days, np.array([0, *(int(EXACT.scaleb(rate, decimals)) for _, rate in rows)], object), decimals


def _decimals(rate: Decimal) -> int:
    """Return how many decimals a rate has, without zeros at the end."""
    return max(0, -int(EXACT.normalize(rate).as_tuple().exponent))
