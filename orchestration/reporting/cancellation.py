"""Cancelling a report from another thread while it is computed."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from orchestration.errors import DynamicsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection


class ReportCancelled(DynamicsError):
    """A user cancelled the report while it was computed."""

    def __init__(self) -> None:
        super().__init__("the report was cancelled")


class Cancellation:
    """A switch that cancels one report."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: DuckDBPyConnection | None = None
        self._is_cancelled = False

    def cancel(self) -> None:
        """Interrupt the running statement and let no other statement start."""
        with self._lock:
            self._is_cancelled = True
            if self._running:
                self._running.interrupt()

    @contextmanager
    def guard(self, cursor: DuckDBPyConnection) -> Iterator[None]:
        """Let `cancel` interrupt the statements of `cursor` inside this block.

        Raise ReportCancelled when the report is cancelled.
        """
        import duckdb

        with self._lock:
            self._running = cursor
        try:
            self.raise_if_cancelled()
            yield
        except duckdb.InterruptException as interrupted:
            raise ReportCancelled from interrupted
        finally:
            with self._lock:
                self._running = None

    def raise_if_cancelled(self) -> None:
        """Raise ReportCancelled when the report is cancelled."""
        if self._is_cancelled:
            raise ReportCancelled
