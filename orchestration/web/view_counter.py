"""A counter of opened links.

It counts in memory and writes once a second: no reader waits for a write.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

from psycopg import Error

from orchestration.archive import index
from orchestration.connections import OpenArchive
from orchestration.errors import DynamicsError

_FLUSH_SECONDS = 1.0
"""The time between two writes. A killed server loses the views of that time."""

_log = logging.getLogger(__name__)


class ViewCounter:
    """Counts how often each snapshot's page is opened."""

    def __init__(self, open_archive: OpenArchive) -> None:
        self._open_archive = open_archive
        self._lock = Lock()
        self._views: Counter[str] = Counter()

    def count(self, snapshot_id: str) -> None:
        """Count one view of the snapshot's page."""
        with self._lock:
            self._views[snapshot_id] += 1

    def flush(self) -> None:
        """Add the counted views to the index.

        Keep them for the next time if the database is away.
        """
        with self._lock:
            views, self._views = self._views, Counter()
        if not views:
            return
        try:
            with self._open_archive() as (_, connection):
                index.add_opens(connection, views)
                connection.commit()
        except (DynamicsError, Error) as error:
            _log.error("cannot write the views of %d links yet: %s", len(views), error)
            with self._lock:
                self._views.update(views)

    @contextmanager
    def flush_periodically(self) -> Iterator[None]:
        """Flush every second in a thread while the block runs, and once more at its end."""
        ended = Event()

        def flush_until_ended() -> None:
            while not ended.wait(_FLUSH_SECONDS):
                self.flush()

        thread = Thread(target=flush_until_ended, name="view counter", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.flush()
