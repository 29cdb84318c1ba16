"""How often links are opened: counted in memory, written down once a second, so that no reader waits for a write."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from psycopg import Error

from orchestration.archive import index
from orchestration.errors import DynamicsError

if TYPE_CHECKING:
    from orchestration.web.app import OpenArchive

_SECONDS = 1.0
"""Between two writes: what a killed server forgets."""

_log = logging.getLogger(__name__)


class Opens:
    """The opens that are not yet written down."""

    def __init__(self, open_archive: "OpenArchive") -> None:
        self._open_archive = open_archive
        self._lock = Lock()
        self._counted: Counter[str] = Counter()

    def count(self, snapshot_id: str) -> None:
        """One successful opening of that snapshot's page."""
        with self._lock:
            self._counted[snapshot_id] += 1

    def write(self) -> None:
        """Adds what was counted to the index. While the database is away it is kept, and tried again with the next."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            with self._open_archive() as (_, connection):
                index.add_opens(connection, counted)
                connection.commit()
        except (DynamicsError, Error) as error:
            _log.error("opens of %d links are not written down yet: %s", len(counted), error)
            with self._lock:
                self._counted.update(counted)

    @contextmanager
    def written(self) -> Iterator[None]:
        """Writes them down every second in a thread of its own, and a last time at the end."""
        ended = Event()

        def write_until_ended() -> None:
            while not ended.wait(_SECONDS):
                self.write()

        thread = Thread(target=write_until_ended, name="opens", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.write()
