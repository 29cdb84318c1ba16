"""Streams of Postgres rows as Arrow record batches, in bounded memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection as AdbcConnection
    from psycopg import Connection
    from psycopg.rows import TupleRow

_BATCH_BYTES = str(8 * 1024 * 1024)


@contextmanager
def connect_reader(connection: Connection[TupleRow]) -> Iterator[AdbcConnection]:
    """Yield a second connection to the database of `connection`. It sees only committed rows."""
    import adbc_driver_postgresql.dbapi as adbc

    password = {"password": connection.info.password} if connection.info.password else {}
    with adbc.connect(make_conninfo(connection.info.dsn, **password)) as reader:
        yield reader


@contextmanager
def stream_rows(source: AdbcConnection, query: str) -> Iterator[pa.RecordBatchReader]:
    """Yield the rows of `query` as record batches. The query is a constant of this package."""
    with source.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
        cursor.execute(query)
        with cursor.fetch_record_batch() as batches:
            yield batches
