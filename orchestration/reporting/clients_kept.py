"""The clients behind a report, written as Parquet while Postgres tells of them: `sql/clients_behind.sql`, row by row."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from orchestration.reporting.table import METRICS

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES = 32 * 1024 * 1024
"""Of the file and the table, which are in memory together. A row takes 19 bytes: these are 1.7 million balances, and
100,000 clients over twelve months have 1.2."""

_BYTES_OF_A_CELL = 8

_CHUNK = 1024 * 1024
"""Bytes of text that become a row group: 9,000 rows, whose names still fit a dictionary."""


class _TooLarge(Exception):
    pass


def clients_behind(
    connection: Connection[TupleRow],
    asking: LiteralString,
    parameters: Mapping[str, Any],
    groups: Sequence[int],
) -> bytes | None:
    """The Parquet file of everybody behind a report's cells; None when it and the table would be larger than MOST_BYTES.

    `asking` is `sql/clients_behind.sql`, `parameters` are those of the report's other statements, `groups` the numbers of the groups that its table shows,
    in order. Reads the current marts in the caller's transaction, in memory that depends on the file alone.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    most = MOST_BYTES - _BYTES_OF_A_CELL * len(METRICS) * len(groups) * parameters["periods"]
    schema = _schema().with_metadata({"groups": ",".join(map(str, groups))})
    statements = SQL("copy ({}) to stdout (format csv)").format(SQL(asking))
    file = pa.BufferOutputStream()
    # A savepoint: breaking off in the middle cancels the statement, and would end the transaction.
    with suppress(_TooLarge), connection.transaction(), connection.cursor() as cursor:
        with (
            cursor.copy(statements, parameters) as rows,
            pq.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            for chunk in _chunks(rows):
                writer.write_table(_table(chunk, schema))
                if file.tell() > most:
                    raise _TooLarge
        return bytes(file.getvalue())
    return None


def _chunks(rows: Iterable[Any]) -> Iterator[bytes]:
    """The rows in larger parts. Postgres sends each row as a message of its own, so that no part cuts one in two."""
    part = io.BytesIO()
    for row in rows:
        part.write(row)
        if part.tell() >= _CHUNK:
            yield part.getvalue()
            part = io.BytesIO()
    if part.tell():
        yield part.getvalue()


def _table(rows: bytes, schema: "pa.Schema") -> "pa.Table":
    from pyarrow import csv

    table = csv.read_csv(
        io.BytesIO(rows),
        csv.ReadOptions(column_names=schema.names, use_threads=False),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    return table.replace_schema_metadata(schema.metadata)


def _schema() -> "pa.Schema":
    """The columns of `clients_behind.sql`. A rate has more decimals than an amount: as text it is exact."""
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
