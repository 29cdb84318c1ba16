"""The lock that keeps builds and loads apart."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.errors import Unavailable
from orchestration.source import SOURCE_LOCK

_NO_TIMEOUTS = """
    select set_config(name, '0', true) from pg_settings
    where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""


@contextmanager
def source_lock(connection: Connection[TupleRow]) -> Iterator[Callable[[], None]]:
    """Wait for running loads and builds, and make others wait until the block ends.

    A transaction on a connection of its own holds the lock. A lock of the session would not exclude
    anybody behind a pooler in transaction mode, and `connection` commits during a build.
    Yield a function that raises Unavailable when the lock was lost.
    """
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as holder:
        holder.execute(_NO_TIMEOUTS)
        holder.execute("select pg_advisory_xact_lock(%s)", [SOURCE_LOCK])

        def require_held() -> None:
            try:
                holder.execute("select")
            except psycopg.OperationalError as error:
                raise Unavailable(
                    "the database ended the build's lock: run `dynamics build` again"
                ) from error

        yield require_held
