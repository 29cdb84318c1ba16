"""Dagster's event log in SQLite, on connections that are kept.

Dagster's own makes an engine for every statement. Each then compiles its SQL anew, and as the last to close its file
copies the whole write-ahead log back into it: four fifths of the time of a run with many small steps.
"""

from collections.abc import Iterator
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
        super().__init__(str(Path(dagster_home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What `dagster.yaml` says of it."""
        return {"dagster_home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """The event log that `dagster.yaml` describes."""
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

    def dispose(self) -> None:
        """Closes the files."""
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
