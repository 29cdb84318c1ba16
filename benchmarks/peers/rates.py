"""Exchange rates of every day as floats, which are exact to much less than a cent here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.peers.duck import create_table

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from benchmarks.peers.peer_query import PeerQuery

_ROWS = (
    "select currency, valid_from - date '1970-01-01' as day, rate::double as rate from {table} order by day"
)


class Rates:
    """The value of one unit of each currency in the base currency, by day.

    `currencies` has the base currency first.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, currencies: list[str]) -> None:
        self._currencies = currencies
        rows = connection.execute(_ROWS.format(table=table)).fetchnumpy()
        days = np.asarray(rows["day"], dtype=np.int64)
        self.first_day = int(days.min())
        # The last rates stay valid. No question is about more than a year after them.
        worth = np.ones((len(currencies), int(days.max()) - self.first_day + 366))
        for number, currency in enumerate(currencies[1:], start=1):
            is_currency = np.asarray(rows["currency"] == currency)
            changes = (
                np.searchsorted(days[is_currency] - self.first_day, np.arange(worth.shape[1]), side="right")
                - 1
            )
            worth[number] = np.asarray(rows["rate"])[is_currency][np.maximum(changes, 0)]
        self._worth = worth

    def into(self, currency: str, days: list[int]) -> npt.NDArray[np.float64]:
        """Return rates [currency, day] into a currency. Days before the first rate have it."""
        at = np.clip(np.array(days) - self.first_day, 0, self._worth.shape[1] - 1)
        rates: npt.NDArray[np.float64] = self._worth[:, at] / self._worth[self._number(currency)][at]
        return rates

    def create(self, connection: duckdb.DuckDBPyConnection, query: PeerQuery, scale: float) -> None:
        """Create the table `rates` for the days of the interval; `scale` multiplies each rate."""
        start, end = query.periods.boundaries[0], query.periods.last_end
        days = list(range(start // 86_400_000_000, (end - 1) // 86_400_000_000 + 1))
        rates = self.into(query.question.currency, days) * scale
        keys = np.arange(len(self._currencies))[:, None] * 65536 + np.array(days)
        create_table(connection, "rates", pa.table({"key": keys.ravel(), "rate": rates.ravel()}))

    def _number(self, currency: str) -> int:
        return self._currencies.index(currency) if currency else 0
