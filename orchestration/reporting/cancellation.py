"""Ending a report that is being made, from another thread."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from orchestration.errors import DynamicsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection


class ReportCancelled(DynamicsError):
    """Somebody cancelled the report while it was being made."""


class Cancellation:
    """Whether a report is cancelled. One object belongs to one report."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: DuckDBPyConnection | None = None
        self._is_cancelled = False

    def cancel(self) -> None:
        """End the statement that runs, and let no other begin."""
        with self._lock:
            self._is_cancelled = True
            if self._running:
                self._running.interrupt()

    @contextmanager
    def covers(self, cursor: DuckDBPyConnection) -> Iterator[None]:
        """Let `cancel` end the statements of `cursor` until the block ends. Raises ReportCancelled."""
        import duckdb

        with self._lock:
            self._running = cursor
        try:
            self.require_wanted()
            yield
        except duckdb.InterruptException as interrupted:
            raise ReportCancelled("the report was cancelled") from interrupted
        finally:
            with self._lock:
                self._running = None

    def require_wanted(self) -> None:
        """Raise ReportCancelled if the report was cancelled."""
        if self._is_cancelled:
            raise ReportCancelled("the report was cancelled")
