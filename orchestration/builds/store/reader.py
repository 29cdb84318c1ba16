"""Readers of the report store: the current build, opened for reading."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestration.builds.store import files, ledger
from orchestration.builds.store.duck import attach, in_memory
from orchestration.builds.store.files import COMMON, StoreFile
from orchestration.builds.store.repair import obtain
from orchestration.errors import DynamicsError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection
    from psycopg import Connection
    from psycopg.rows import TupleRow

_PART_TABLES = ("clients", "events", "holdings", "lapses")
_COMMON_TABLES = ("packages", "currencies", "exchange_rates", "daily_flows", "daily_cohorts", "daily_spans")


class _OpenedStore(NamedTuple):
    files: tuple[StoreFile, ...]
    connection: DuckDBPyConnection
    kept: dict[Any, Any]


_opened: dict[tuple[int, Path], _OpenedStore] = {}
_opening = Lock()
_remembering = RLock()


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build, opened for reading. It does not change, whatever later builds do."""

    build_id: int
    as_of: datetime
    """Up to when the data is known (definition: Periods)."""
    _store: DuckDBPyConnection
    _kept: dict[Any, Any]

    def once(self, script: str) -> None:
        """Run a script of macros in the store, unless this process has done so."""
        self.remember(script, lambda: self._store.execute(script) and None)

    def remember(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` gives, or gave before in this process: for what never changes in a build."""
        with _remembering:
            if key not in self._kept:
                self._kept[key] = make()
            return self._kept[key]

    def rows_once(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query, read once in this process. Its parameters are hashable."""
        rows: list[tuple[Any, ...]] = self.remember(
            (query, tuple((parameters or {}).values())), lambda: self.rows(query, parameters)
        )
        return rows

    def cursor(self) -> DuckDBPyConnection:
        """Return a connection to the store with temporary tables and variables of its own."""
        return self._store.cursor()

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.cursor() as cursor:
            return cursor.execute(query, dict(parameters or {})).fetchall()


@contextmanager
def current_build(connection: Connection[TupleRow]) -> Iterator[Build]:
    """Yield the current build.

    Its files are opened on this machine. A missing file is fetched from the bucket, where hosts share the
    store, or written again from the marts. Raises DynamicsError when there is no build, and when another
    version of the program published it.
    """
    import duckdb

    # A connection without a transaction has none afterwards.
    with connection.transaction():
        known, store = _opened_now(connection)
    try:
        yield Build(known.build_id, known.as_of, store.connection, store.kept)
    except (duckdb.CatalogException, duckdb.BinderException) as problem:
        raise DynamicsError(
            "another version of this program built the marts: run `dynamics build --full-refresh`"
        ) from problem
    except duckdb.Error as problem:
        if not _is_damage(problem):
            raise
        with connection.transaction():
            _close(connection)
            obtain(connection, known, suspicious=True)
        raise Unavailable(
            "a file of the report store was damaged and has been replaced: run it again"
        ) from problem


def _opened_now(connection: Connection[TupleRow]) -> tuple[ledger.PublishedStore, _OpenedStore]:
    """Return the current store, opened. Its files are obtained where this machine does not have them."""
    import duckdb

    known = _current(connection)
    try:
        return known, _open(connection, known)
    except (FileNotFoundError, duckdb.Error) as problem:
        is_damaged = isinstance(problem, duckdb.Error)
        if is_damaged and not _is_damage(problem):
            raise
        known = _current(connection)  # a build may have been published, and the old files removed
        obtain(connection, known, suspicious=is_damaged)
        return known, _open(connection, known)


def _is_damage(problem: Exception) -> bool:
    """Return True if DuckDB read something from a file that no build has written there."""
    import duckdb

    kinds = (duckdb.IOException, duckdb.FatalException, duckdb.SerializationException)
    return isinstance(problem, kinds) or "Corrupt database file" in str(problem)


def _current(connection: Connection[TupleRow]) -> ledger.PublishedStore:
    known = ledger.current_store(connection)
    if known is None:
        raise DynamicsError(
            "there are no marts yet: load an extract with `dynamics load DIR`, then run `dynamics build`"
        )
    return known


def _open(connection: Connection[TupleRow], known: ledger.PublishedStore) -> _OpenedStore:
    """Return the opened store. A process keeps the current store of each database open."""
    folder = files.folder(connection)
    key = (os.getpid(), folder)
    with _opening:
        opened = _opened.get(key)
        if opened and opened.files == known.files:
            return opened
        for file in known.files:
            path = folder / file.name
            if not path.is_file() or path.stat().st_size != file.bytes:
                raise FileNotFoundError(path)
        store = _OpenedStore(known.files, _attached(folder, known.files), {})
        # Whoever still uses the store before keeps it open by its cursor.
        _opened[key] = store
        return store


def _close(connection: Connection[TupleRow]) -> None:
    """Let go of the opened store."""
    with _opening:
        _opened.pop((os.getpid(), files.folder(connection)), None)


def _attached(folder: Path, stored: tuple[StoreFile, ...]) -> DuckDBPyConnection:
    """Return a connection in which each table of the store is a view over its parts."""
    store = in_memory(folder / "tmp")
    # Statements name the small side of each join last. DuckDB takes the look-up by slot for selective,
    # and would build hash tables of events.
    store.execute("set global disabled_optimizers = 'join_order,build_side_probe_side'")
    for file in stored:
        attach(store, folder / file.name, f"part_{file.part}", read_only=True)
    parts = [file.part for file in stored if file.part != COMMON]
    for table in _PART_TABLES:
        whole = " union all ".join(f"select * from part_{part}.{table}" for part in parts)
        store.execute(f"create view {table} as {whole}")
    for table in _COMMON_TABLES:
        store.execute(f"create view {table} as select * from part_{COMMON}.{table}")
    return store
