"""Export of the drill-down clients of a report to a Parquet file, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.reporting.exchange_rates import ExchangeRates
from orchestration.reporting.money import DECIMAL_CONTEXT, closing_date
from orchestration.reporting.table import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from orchestration.builds.store import Build
    from orchestration.reporting.periods import Period
    from orchestration.reporting.store_query import StoreQuery

MAX_BYTES = 32 * 1024 * 1024
"""The limit for the file and the table together, because both are in memory at the same time."""

_BYTES_PER_CELL = 8
_ORDINAL_OF_EPOCH = 719_163
"""`date.toordinal` of 1970-01-01."""


def export_clients(
    build: Build,
    store_query: StoreQuery,
    report_currency: str,
    base_currency: str,
    group_numbers: Sequence[int],
    known_periods: Sequence[Period],
) -> bytes | None:
    """Return the Parquet file of all clients behind the cells of a report.

    `group_numbers` are the groups of the table in order. Rows without a client hold rates: `rate` /
    `report_rate` converts the balances in `currency` at the end of `first_period` (definition:
    Currency). Return None when the file and the table are larger than MAX_BYTES.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    max_bytes = MAX_BYTES - _BYTES_PER_CELL * len(METRICS) * len(group_numbers) * len(known_periods)
    schema = _build_schema().with_metadata({"groups": ",".join(map(str, group_numbers))})
    file = pa.BufferOutputStream()
    currencies: set[str] = set()
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in store_query.drilldown_clients():
            rows = (
                pa.Table.from_batches([batch]).cast(_build_schema()).replace_schema_metadata(schema.metadata)
            )
            writer.write_table(rows)
            currencies |= set(rows["currency"].unique().to_pylist())
            if file.tell() > max_bytes:
                return None
        foreign = sorted(currencies - {report_currency})
        rates = ExchangeRates(build, foreign, report_currency, base_currency)
        writer.write_table(_build_rate_rows(rates, foreign, known_periods, schema))
    written: bytes = file.getvalue().to_pybytes()
    return written


def _build_rate_rows(
    rates: ExchangeRates, currencies: Sequence[str], known_periods: Sequence[Period], schema: pa.Schema
) -> pa.Table:
    """Return the rows with the rates of some currencies at the end of each period."""
    import numpy as np
    import pyarrow as pa

    days = np.array([closing_date(period.end).toordinal() for period in known_periods]) - _ORDINAL_OF_EPOCH
    report_rates = rates.denominators(days)
    rows = [
        {
            "first_period": number,
            "last_period": number,
            "currency": currency,
            "rate": _format_rate(rate, rates.scale),
            "report_rate": _format_rate(report_rates[number - 1], rates.scale),
        }
        for currency in currencies
        for number, rate in enumerate(rates.numerators(currency, days), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _format_rate(rate: int, scale: int) -> str | None:
    """Return a rate as text with all its decimals; None for a missing rate."""
    return str(DECIMAL_CONTEXT.divide(int(rate), scale)) if rate else None


def _build_schema() -> pa.Schema:
    """Return the columns of `sql/drilldown_clients.sql`.

    Rates are text, which is exact: they can have 18 decimals and 20 digits before the point.
    """
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
