"""The clients behind a report as Parquet, written in batches as the report store gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.reporting.exchange_rates import ExchangeRates
from orchestration.reporting.money import EXACT, closing_date
from orchestration.reporting.table import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from orchestration.builds.store import Build
    from orchestration.reporting.parameters import ReportQuery
    from orchestration.reporting.periods import Period
    from orchestration.reporting.store_query import StoreQuery

MOST_BYTES = 32 * 1024 * 1024
"""Of the file and the table, which are in memory together."""

_BYTES_OF_A_CELL = 8


def clients_behind(
    build: Build,
    asked: StoreQuery,
    query: ReportQuery,
    base_currency: str,
    shown: Sequence[int],
    known: Sequence[Period],
) -> bytes | None:
    """Return the Parquet file of everybody behind a report's cells.

    `shown` are the numbers of the groups that the table shows, in order. Returns None when the file and
    the table would be larger than MOST_BYTES. Rows without a client are rates: `rate` / `report_rate`
    converts the balances of `currency` at the end of `first_period`, where that is not the report's
    currency (definition: Currency).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    most = MOST_BYTES - _BYTES_OF_A_CELL * len(METRICS) * len(shown) * len(known)
    schema = _schema().with_metadata({"groups": ",".join(map(str, shown))})
    file = pa.BufferOutputStream()
    currencies: set[str] = set()
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in asked.clients_behind():
            rows = pa.Table.from_batches([batch]).cast(_schema()).replace_schema_metadata(schema.metadata)
            writer.write_table(rows)
            currencies |= set(rows["currency"].unique().to_pylist())
            if file.tell() > most:
                return None
        writer.write_table(_rates(build, query, base_currency, currencies, known, schema))
    written: bytes = file.getvalue().to_pybytes()
    return written


def _rates(
    build: Build,
    query: ReportQuery,
    base_currency: str,
    currencies: set[str],
    known: Sequence[Period],
    schema: pa.Schema,
) -> pa.Table:
    """Return the rates at the end of each period, of the currencies that are not the report's."""
    import numpy as np
    import pyarrow as pa

    report_currency = query.currency or base_currency
    foreign = sorted(currencies - {report_currency})
    rates = ExchangeRates(build, foreign, report_currency, base_currency)
    days = np.array([closing_date(period.end).toordinal() for period in known]) - 719_163
    report_rates = rates.denominators(days)
    rows = [
        {
            "first_period": number,
            "last_period": number,
            "currency": currency,
            "rate": _text(rate, rates.one),
            "report_rate": _text(report_rates[number - 1], rates.one),
        }
        for currency in foreign
        for number, rate in enumerate(rates.numerators(currency, days), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _text(rate: int, one: int) -> str | None:
    """Return a rate as text, which is exact; None where there is none."""
    return str(EXACT.divide(int(rate), one)) if rate else None


def _schema() -> pa.Schema:
    """Return the columns of `sql/clients_behind.sql`. A rate has more decimals than an amount."""
    import pyarrow as pa

    instant = pa.timestamp("us", "UTC")
    return pa.schema(
        {
            "group_number": pa.int32(),
            "first_period": pa.int32(),
            "last_period": pa.int32(),
            "last_active_period": pa.int32(),
            "client_id": pa.string(),
            "name": pa.string(),
            "owner": pa.string(),
            "currency": pa.string(),
            "created_at": instant,
            "last_paid_at": instant,
            "created": pa.int8(),
            "balance": pa.decimal128(38, 6),
            "rate": pa.string(),
            "report_rate": pa.string(),
        }
    )
