"""Database connections between two uses: to open one, and warm it up, takes as long as half a report."""

import os
import select
import time
from collections import deque

from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

_AT_MOST = 4
_SECONDS = 30.0
"""What rests longer may have been cut off by something on the way, which nobody is told of."""

_resting: deque[tuple[int, str, float, Connection[TupleRow]]] = deque()


def rest(url: str, connection: Connection[TupleRow]) -> None:
    """Lays aside a connection to `url` that is of no more use now; closes it when it is in the midst of something."""
    idle = connection.info.transaction_status is TransactionStatus.IDLE
    if idle and len(_resting) < _AT_MOST:
        _resting.append((os.getpid(), url, time.monotonic() + _SECONDS, connection))
    else:
        connection.close()


def rested(url: str) -> Connection[TupleRow] | None:
    """A connection to `url` that was laid aside by this process and still stands; None when there is none."""
    while _resting:
        try:
            process, its_url, until, connection = _resting.pop()
        except IndexError:  # another thread was faster
            break
        if process != os.getpid():
            continue  # a fork's parent goes on with it
        if its_url == url and time.monotonic() < until and not _has_ended(connection):
            return connection
        connection.close()
    return None


def _has_ended(connection: Connection[TupleRow]) -> bool:
    """Whether the server has said something unasked: that it closes."""
    if connection.closed:
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
