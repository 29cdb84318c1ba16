"""Rows of Postgres as Arrow record batches, in bounded memory and without a Python object a row."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from psycopg import Connection
    from psycopg.rows import TupleRow

_BATCH_BYTES = str(8 * 1024 * 1024)


@contextmanager
def stream(connection: Connection[TupleRow], query: str) -> Iterator[pa.RecordBatchReader]:
    """Yield the rows of `query` as record batches, read on a connection of their own.

    `query` is fixed text of this package, without parameters. It sees committed rows only.
    """
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(_conninfo(connection)) as reading, reading.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
        cursor.execute(query)
        with cursor.fetch_record_batch() as batches:
            yield batches


def _conninfo(connection: Connection[TupleRow]) -> str:
    """Return how `connection` reached its server. The password is in it."""
    password = {"password": connection.info.password} if connection.info.password else {}
    return make_conninfo(connection.info.dsn, **password)
