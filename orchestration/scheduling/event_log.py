"""Dagster's event log in SQLite, on connections that are kept.

Dagster's own storage makes an engine for every statement. Each compiles its SQL again, and as the last to
close its file copies the whole write-ahead log into it. That takes longer than the steps of a run.
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

_KEPT = 8
"""Files that stay open: the index, and the runs that were at work last."""
_PATIENCE = 30
"""Seconds that one process waits for another's write."""


class EventLog(SqliteEventLogStorage):
    """The event log of the Dagster home, in the files where Dagster's own would have it."""

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
        engine = self._engines.pop(shard, None) or _kept_open(self.conn_string_for_shard(shard))
        self._engines[shard] = engine  # the last used is the last of them
        if len(self._engines) > _KEPT:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    # Dagster asks for parts of its schema with every event. A part that exists stays.

    def has_table(self, table_name: str) -> bool:
        """Return True if the table exists."""
        return self._has(f"table {table_name}", lambda: super(EventLog, self).has_table(table_name))

    def has_secondary_index(self, name: str) -> bool:
        """Return True if a migration of data is complete."""
        return self._has(f"index {name}", lambda: super(EventLog, self).has_secondary_index(name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        ask = super()._has_asset_key_col_on_connection
        return self._has(f"column {column_name}", lambda: ask(conn, column_name))

    def _has(self, part: str, ask: Callable[[], bool]) -> bool:
        if part not in self._known_parts and ask():
            self._known_parts.add(part)
        return part in self._known_parts

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _kept_open(url: str) -> Engine:
    # One thread at a time: `_connect` holds a lock.
    engine = create_engine(
        url, poolclass=StaticPool, connect_args={"timeout": _PATIENCE, "check_same_thread": False}
    )
    # With a write-ahead log a killed process loses nothing by it; a machine that loses power, its last events at most.
    event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
    return engine
