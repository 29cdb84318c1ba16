"""A pool of idle database connections, because opening one takes a large part of a request."""

import os
import select
import time
from collections import deque

from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

_MAX_SIZE = 4
_MAX_IDLE_SECONDS = 30.0
"""A firewall or proxy can cut off a connection that is idle for longer, without a notice."""

_idle: deque[tuple[int, str, float, Connection[TupleRow]]] = deque()
"""Process id, URL, time of expiry (monotonic) and connection."""


def release(url: str, connection: Connection[TupleRow]) -> None:
    """Put a connection to `url` into the pool, or close it if it is in use or the pool is full."""
    is_idle = connection.info.transaction_status is TransactionStatus.IDLE
    if is_idle and len(_idle) < _MAX_SIZE:
        _idle.append((os.getpid(), url, time.monotonic() + _MAX_IDLE_SECONDS, connection))
    else:
        connection.close()


def acquire(url: str) -> Connection[TupleRow] | None:
    """Take a working connection to `url` from the pool, or return None if there is none."""
    while _idle:
        try:
            process, pooled_url, expires_at, connection = _idle.pop()
        except IndexError:  # another thread has taken the last connection
            break
        if process != os.getpid():
            continue  # it belongs to the parent process, which still uses it after a fork
        if pooled_url == url and time.monotonic() < expires_at and not _is_broken(connection):
            return connection
        connection.close()
    return None


def close_all() -> None:
    """Close all connections in the pool."""
    while _idle:
        *_, connection = _idle.pop()
        connection.close()


def _is_broken(connection: Connection[TupleRow]) -> bool:
    """Return True if the connection is closed, or if the server has announced that it closes it."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
