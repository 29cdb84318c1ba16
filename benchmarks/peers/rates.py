"""Exchange rates of every day, as floats: they are faster than decimals, and exact to far less than a cent here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.peers.duck import create_table

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from benchmarks.peers.asked import Asked

_ROWS = (
    "select currency, valid_from - date '1970-01-01' as day, rate::double as rate from {table} order by day"
)


class Rates:
    """What one unit of each currency is worth in the base currency, by day.

    `currencies` are all that occur, the base currency first.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: str, currencies: list[str]) -> None:
        self._currencies = currencies
        rows = connection.execute(_ROWS.format(table=table)).fetchnumpy()
        days = rows["day"].astype(np.int64)
        self.first_day = int(days.min())
        # The last rates hold on; nothing is asked for later than a year after them.
        worth = np.ones((len(currencies), int(days.max()) - self.first_day + 366))
        for number, currency in enumerate(currencies[1:], start=1):
            of_it = rows["currency"] == currency
            changes = (
                np.searchsorted(days[of_it] - self.first_day, np.arange(worth.shape[1]), side="right") - 1
            )
            worth[number] = rows["rate"][of_it][np.maximum(changes, 0)]
        self._worth = worth

    def into(self, currency: str, days: list[int]) -> npt.NDArray[np.float64]:
        """Return the rates [currency, day] into a currency; a day before the first rate has that rate."""
        at = np.clip(np.array(days) - self.first_day, 0, self._worth.shape[1] - 1)
        return self._worth[:, at] / self._worth[self._number(currency)][at]

    def create(self, connection: duckdb.DuckDBPyConnection, asked: Asked, scale: float) -> None:
        """Create the table `rates` for the days of the interval; `scale` multiplies each rate."""
        start, end = asked.periods.boundaries[0], asked.periods.last_end
        days = list(range(start // 86_400_000_000, (end - 1) // 86_400_000_000 + 1))
        rates = self.into(asked.question.currency, days) * scale
        keys = np.arange(len(self._currencies))[:, None] * 65536 + np.array(days)
        create_table(connection, "rates", pa.table({"key": keys.ravel(), "rate": rates.ravel()}))

    def _number(self, currency: str) -> int:
        return self._currencies.index(currency) if currency else 0
