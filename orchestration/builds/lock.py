"""The lock that prevents a build and a load at the same time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.errors import Unavailable
from orchestration.source import SOURCE_LOCK

_DISABLE_TIMEOUTS = """
    select set_config(name, '0', true) from pg_settings
    where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""


@contextmanager
def hold_source_lock(connection: Connection[TupleRow]) -> Iterator[Callable[[], None]]:
    """Wait for running loads and builds, and hold the lock until the block ends.

    A transaction on a separate connection holds the lock, because `connection` commits during a
    build. A session lock would not do: behind a pooler in transaction mode two clients can share a
    session. Yield a function that raises Unavailable if the lock is lost.
    """
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as holder:
        holder.execute(_DISABLE_TIMEOUTS)
        holder.execute("select pg_advisory_xact_lock(%s)", [SOURCE_LOCK])

        def require_lock() -> None:
            try:
                holder.execute("select")
            except psycopg.OperationalError as error:
                raise Unavailable(
                    "the build has lost its lock, because the database closed the connection:"
                    " run `dynamics build` again"
                ) from error

        yield require_lock
