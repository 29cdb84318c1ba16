"""Readers of the report store: they open the current build and query it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestration.builds.store import files, ledger, sharing
from orchestration.builds.store.duck import attach, connect_in_memory
from orchestration.builds.store.files import COMMON, StoreFile
from orchestration.builds.store.repair import fetch_missing_files
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
    """A store that this process has opened, and the values that it has cached for it."""

    files: tuple[StoreFile, ...]
    connection: DuckDBPyConnection
    cache: dict[Any, Any]


_opened: dict[tuple[int, Path], _OpenedStore] = {}
"""Open stores by process id and folder. A forked child must not use its parent's connections."""

_opened_lock = Lock()
_cache_lock = RLock()


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build, open for reading. Later builds do not change it."""

    build_id: int
    as_of: datetime
    """The instant up to which the data is known (definition: As of)."""
    _store: DuckDBPyConnection
    _cache: dict[Any, Any]

    def run_once(self, script: str) -> None:
        """Run a script that creates macros in the store, unless this process has done so."""
        self.cached(script, lambda: self._store.execute(script) and None)

    def cached(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns. This process computes it once per build and key."""
        with _cache_lock:
            if key not in self._cache:
                self._cache[key] = compute()
            return self._cache[key]

    def cached_rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query, run once per build and process. Parameters are hashable."""
        rows: list[tuple[Any, ...]] = self.cached(
            (query, tuple((parameters or {}).values())), lambda: self.rows(query, parameters)
        )
        return rows

    def cursor(self) -> DuckDBPyConnection:
        """Return a connection to the store with its own temporary tables and variables."""
        return self._store.cursor()

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.cursor() as cursor:
            return cursor.execute(query, dict(parameters or {})).fetchall()


@contextmanager
def current_build(connection: Connection[TupleRow]) -> Iterator[Build]:
    """Open the current build for the block.

    A missing file is downloaded from the bucket if hosts share the store, or written again from the
    marts. Raise DynamicsError when there is no build, or when another version of the program has
    published it. Raise Unavailable when a file was damaged and has been replaced.
    """
    import duckdb

    # Without this block, the query would leave a transaction open.
    with connection.transaction():
        published, store = _load_and_open(connection)
    try:
        yield Build(published.build_id, published.as_of, store.connection, store.cache)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise DynamicsError(
            "another version of this program has built the marts: run `dynamics build --full-refresh`"
        ) from error
    except duckdb.Error as error:
        if not _is_damage(error):
            raise
        with connection.transaction():
            _close(connection)
            fetch_missing_files(connection, published, is_damaged=True)
        raise Unavailable("a file of the report store was damaged and is replaced now: try again") from error


def _load_and_open(connection: Connection[TupleRow]) -> tuple[ledger.PublishedStore, _OpenedStore]:
    """Return the current store, opened. Fetch the files that are missing on this machine."""
    import duckdb

    published = _require_current_store(connection)
    try:
        return published, _open(connection, published)
    except (FileNotFoundError, duckdb.Error) as error:
        is_damaged = isinstance(error, duckdb.Error)
        if is_damaged and not _is_damage(error):
            raise
        # A new build may have been published meanwhile, and the old files removed.
        fetch_missing_files(connection, _require_current_store(connection), is_damaged=is_damaged)
        published = _require_current_store(connection)
        return published, _open(connection, published)


def _is_damage(error: Exception) -> bool:
    """Return True if the error of DuckDB means that the content of a file is damaged."""
    import duckdb

    kinds = (duckdb.IOException, duckdb.FatalException, duckdb.SerializationException)
    return isinstance(error, kinds) or "Corrupt database file" in str(error)


def _require_current_store(connection: Connection[TupleRow]) -> ledger.PublishedStore:
    published = ledger.load_current_store(connection)
    if published is None:
        raise DynamicsError(
            "there are no marts yet: load an extract with `dynamics load DIR`, then run `dynamics build`"
        )
    return published


def _open(connection: Connection[TupleRow], published: ledger.PublishedStore) -> _OpenedStore:
    """Return the opened store. A process keeps the current store of each database open."""
    folder = files.prepare_folder(connection)
    key = (os.getpid(), folder)
    with _opened_lock:
        opened = _opened.get(key)
        if opened and opened.files == published.files:
            return opened
        for file in published.files:
            if not sharing.has_size(folder, file):
                raise FileNotFoundError(folder / file.name)
        store = _OpenedStore(published.files, _attach_parts(folder, published.files), {})
        # Readers of the previous store keep it open by their cursors.
        _opened[key] = store
        return store


def close_stores() -> None:
    """Close all stores of this process. Cursors that are in use stay valid."""
    with _opened_lock:
        _opened.clear()


def _close(connection: Connection[TupleRow]) -> None:
    """Close the store of this database."""
    with _opened_lock:
        _opened.pop((os.getpid(), files.prepare_folder(connection)), None)


def _attach_parts(folder: Path, stored: tuple[StoreFile, ...]) -> DuckDBPyConnection:
    """Return a connection in which each table of the store is a view over its parts."""
    store = connect_in_memory(folder / "tmp")
    # The statements name the small side of each join last. The optimizer misjudges joins by period
    # slot and would build hash tables of all events.
    store.execute("set global disabled_optimizers = 'join_order,build_side_probe_side'")
    for file in stored:
        attach(store, folder / file.name, f"part_{file.part}", read_only=True)
    parts = [file.part for file in stored if file.part != COMMON]
    for table in _PART_TABLES:
        union = " union all ".join(f"select * from part_{part}.{table}" for part in parts)
        store.execute(f"create view {table} as {union}")
    for table in _COMMON_TABLES:
        store.execute(f"create view {table} as select * from part_{COMMON}.{table}")
    return store
