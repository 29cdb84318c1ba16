"""Dagster's event log in SQLite, with connections that stay open.

Dagster's own storage creates an engine for every statement. Each engine compiles its SQL again, and
copies the whole write-ahead log into the file when it closes. That takes longer than the steps of a
run.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from dagster import StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event

MAX_OPEN_FILES = 8
"""The index and the files of the most recent runs stay open."""
_BUSY_TIMEOUT_SECONDS = 30
"""How long a process waits for the write of another process."""


class EventLog(SqliteEventLogStorage):
    """The event log of the Dagster home, in the same files as Dagster's own event log."""

    def __init__(self, dagster_home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._known_parts: set[str] = set()
        super().__init__(str(Path(dagster_home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return the configuration that `dagster.yaml` gives."""
        return {"dagster_home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Return the event log that `dagster.yaml` describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None) or _create_engine(self.conn_string_for_shard(shard))
        self._engines[shard] = engine  # Insertion order is the order of the last use.
        if len(self._engines) > MAX_OPEN_FILES:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    # Dagster checks its schema with every event. A part of the schema that exists never goes away.

    def has_table(self, table_name: str) -> bool:
        """Return True if the table exists."""
        return self._has(f"table {table_name}", lambda: super(EventLog, self).has_table(table_name))

    def has_secondary_index(self, name: str) -> bool:
        """Return True if a migration of data is complete."""
        return self._has(f"index {name}", lambda: super(EventLog, self).has_secondary_index(name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        check = super()._has_asset_key_col_on_connection
        return self._has(f"column {column_name}", lambda: check(conn, column_name))

    def _has(self, part: str, check: Callable[[], bool]) -> bool:
        """Return True if a part of the schema exists. Remember the parts that exist."""
        if part not in self._known_parts and check():
            self._known_parts.add(part)
        return part in self._known_parts

    @property
    def open_file_count(self) -> int:
        """The number of files that are open."""
        return len(self._engines)

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _create_engine(url: str) -> Engine:
    # One connection is enough, because `_connect` holds a lock.
    engine = create_engine(
        url, poolclass=StaticPool, connect_args={"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    )
    # With a write-ahead log, a killed process loses no event. A power cut can lose the last ones.
    event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
    return engine
