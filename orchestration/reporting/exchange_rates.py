"""Exchange rates of a build as whole numbers (definition: Currency)."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from orchestration.reporting.exact_arithmetic import narrow
from orchestration.reporting.money import DECIMAL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from orchestration.builds.store import Build
    from orchestration.reporting.exact_arithmetic import Numbers

_EPOCH = date(1970, 1, 1)


class ExchangeRates:
    """The rates of some currencies against the base currency.

    `missing` collects the date and currency of each rate that was needed and does not exist.
    """

    def __init__(
        self, build: Build, currencies: Iterable[str], report_currency: str, base_currency: str
    ) -> None:
        self.report_currency = report_currency
        self.missing: set[tuple[date, str]] = set()
        self._base_currency = base_currency
        loaded = {
            currency: build.cached(("exchange rates", currency), partial(_load_rates, build, currency))
            for currency in {*currencies, report_currency} - {base_currency}
        }
        max_decimals = max((decimals for _, _, decimals in loaded.values()), default=0)
        self.scale = 10**max_decimals
        """The whole number that stands for a rate of 1."""
        self._rates = {
            currency: (valid_from, narrow(rates * 10 ** (max_decimals - decimals)))
            for currency, (valid_from, rates, decimals) in loaded.items()
        }

    def numerators(self, currency: str, days: Numbers) -> Numbers:
        """Return the rates of `currency` on UTC days (since 1970); 0 for a missing rate."""
        return self._rates_on(currency, days)

    def denominators(self, days: Numbers) -> Numbers:
        """Return the report currency's rates on UTC days (since 1970); 1 for a missing rate."""
        rates = self._rates_on(self.report_currency, days)
        rates[rates == 0] = self.scale
        return rates

    def _rates_on(self, currency: str, days: Numbers) -> Numbers:
        if currency == self._base_currency:
            return narrow(np.full(len(days), self.scale, object))
        valid_from, rates = self._rates[currency]
        indexes = np.searchsorted(valid_from, days, "right")
        for day in np.unique(days[indexes == 0]):
            self.missing.add((_EPOCH + timedelta(days=int(day)), currency))
        result: Numbers = rates[indexes]
        return result


def _load_rates(build: Build, currency: str) -> tuple[Numbers, Numbers, int]:
    """Return the rates of a currency as whole numbers.

    The results are the days from which each rate is valid, a 0 followed by the rates, and the
    number of decimals of the rates.
    """
    rows = build.rows(
        "select valid_from, rate from exchange_rates where currency = $currency order by valid_from",
        {"currency": currency},
    )
    valid_from = np.array([(day - _EPOCH).days for day, _ in rows], np.int64)
    decimals = max((_count_decimals(rate) for _, rate in rows), default=0)
    rates = [int(DECIMAL_CONTEXT.scaleb(rate, decimals)) for _, rate in rows]
    return valid_from, np.array([0, *rates], object), decimals


def _count_decimals(rate: Decimal) -> int:
    """Return the number of decimals of a rate without trailing zeros."""
    return max(0, -int(DECIMAL_CONTEXT.normalize(rate).as_tuple().exponent))
