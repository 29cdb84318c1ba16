"""Builds of the marts: dbt writes into the schema nobody reads, and a finished build is then the one that is read.

Two schemas take turns (docs/decisions.md). A reader locks the schema it reads (`reporting.marts`), a build locks the
one it writes, so nobody ever sees half a build, and a build that was killed leaves the last one in place.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError
from orchestration.settings import PROJECT_ROOT
from orchestration.source import SOURCE_LOCK

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_SCHEMAS = ("marts_a", "marts_b")

Progress = Callable[[str], None]
"""Called with the name of each model or test that dbt finished."""


@dataclass(frozen=True, slots=True)
class PendingBuild:
    """A build that is being written: its number, the schema it goes to, and up to when its data is known."""

    build_id: int
    schema: str
    as_of: datetime


def build_marts(
    connection: Connection[TupleRow],
    *,
    state: Path,
    full_refresh: bool = False,
    progress: Progress | None = None,
) -> PendingBuild:
    """Brings the marts up to date with `billing` and makes them the ones that are read.

    dbt keeps its parsed project and its logs in the folder `state`. Raises DynamicsError when nothing was loaded,
    and when a model or test fails: the last build is then still the one that is read.
    """
    with new_build(connection) as build:
        _run_dbt(state, full_refresh=full_refresh, progress=progress)
    return build


@contextmanager
def new_build(connection: Connection[TupleRow]) -> Iterator[PendingBuild]:
    """Reserves the schema that is not read, points dbt's profile at it, and publishes it if the block succeeds."""
    connection.rollback()
    connection.execute("select pg_advisory_lock(%s)", [SOURCE_LOCK])
    schema = None
    try:
        as_of = _as_of(connection)
        schema = _idle_schema(connection)
        connection.execute("select pg_advisory_lock(hashtext(%s))", [schema])
        build = PendingBuild(_register(connection, schema, as_of), schema, as_of)
        connection.commit()
        with _profile(connection, schema):
            yield build
        connection.execute(
            "update dynamics.builds set finished_at = now() where build_id = %s", [build.build_id]
        )
        connection.commit()
    finally:
        connection.rollback()
        connection.execute("select pg_advisory_unlock_all()")
        connection.commit()


def _as_of(connection: Connection[TupleRow]) -> datetime:
    """Up to when the source is known: what the last load said; now for a source that others keep filled (spec 3)."""
    if not _value(connection, "select to_regclass('billing.clients') is not null"):
        raise DynamicsError(
            "nothing has been loaded: run `dynamics load DIR` first, `dynamics sample DIR` makes an example"
        )
    if not _value(connection, "select exists (select from billing.clients)"):
        raise DynamicsError(
            "the billing schema is empty: run `dynamics load DIR` first, `dynamics sample DIR` makes an example"
        )
    as_of: datetime = _value(
        connection, "select coalesce((select as_of from dynamics.loads order by load_id desc limit 1), now())"
    )
    return as_of


def _idle_schema(connection: Connection[TupleRow]) -> str:
    read = _value(
        connection,
        "select (select marts_schema from dynamics.builds where finished_at is not null order by build_id desc limit 1)",
    )
    return next(schema for schema in _SCHEMAS if schema != read)


def _register(connection: Connection[TupleRow], schema: str, as_of: datetime) -> int:
    build_id: int = _value(
        connection,
        "insert into dynamics.builds (marts_schema, as_of) values (%s, %s) returning build_id",
        [schema, as_of],
    )
    return build_id


def _value(connection: Connection[TupleRow], text: Any, parameters: list[Any] | None = None) -> Any:
    row = connection.execute(text, parameters).fetchone()
    return row[0] if row else None


@contextmanager
def _profile(connection: Connection[TupleRow], schema: str) -> Iterator[None]:
    """The environment that dbt_project/profiles.yml reads, for dbt in this process or one that it starts."""
    known = conninfo_to_dict(connection.info.dsn)
    values = {
        "HOST": known.get("host", "localhost"),
        "PORT": known.get("port", 5432),
        "USER": known.get("user", connection.info.user),
        "PASSWORD": connection.info.password,
        "DATABASE": connection.info.dbname,
        "SSLMODE": known.get("sslmode", "prefer"),
        "SCHEMA": schema,
    }
    before = dict(os.environ)
    os.environ.update({f"DYNAMICS_DBT_{key}": str(value) for key, value in values.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run_dbt(state: Path, *, full_refresh: bool, progress: Progress | None) -> None:
    from dbt.cli.main import dbtRunner

    def on_event(event: Any) -> None:
        if progress and event.info.name == "NodeFinished":
            progress(event.data.node_info.node_name)

    arguments = [
        "--quiet",
        "--no-use-colors",
        "--log-level",
        "none",
        "--log-path",
        str(state / "logs"),
        "build",
    ]
    arguments += ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    arguments += ["--target-path", str(state / "target"), "--exclude-resource-type", "unit_test"]
    arguments += ["--full-refresh"] if full_refresh else []
    outcome = dbtRunner(callbacks=[on_event]).invoke(arguments)
    if outcome.success:
        return
    problems = [
        f"{result.node.name}: {' '.join(str(result.message).split())}"
        for result in getattr(outcome.result, "results", None) or []
        if str(result.status) in ("error", "fail", "runtime error")
    ]
    reason = problems[0] if problems else " ".join(str(outcome.exception).split())
    raise DynamicsError(
        f"the build failed, the last one stays in use: {reason}; see {state / 'logs' / 'dbt.log'}"
    )
