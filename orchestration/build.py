"""Builds of the marts: dbt writes into the schema nobody reads, and a finished build is then the one that is read.

Two schemas take turns (docs/decisions.md). A reader locks the schema it reads (`reporting.marts`), a build locks the
one it writes, so nobody ever sees half a build, and a build that was killed leaves the last one in place.

What changed in `billing` since a schema was built last is in `dynamics.touched`: only that is built anew. A schema whose
last build did not end well starts from a copy of the one that is read, and everything is built anew where that is no
better: the models are others now, nobody watched, or most of it changed.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError
from orchestration.settings import PROJECT_ROOT, settings
from orchestration.source import SOURCE_LOCK
from orchestration.touched import prepare

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_SCHEMAS = ("marts_a", "marts_b")

Progress = Callable[[str], None]
"""Called with the name of each table that was copied, and of each model or test that dbt finished, one at a time, though dbt
has several threads."""


@dataclass(frozen=True, slots=True)
class PendingBuild:
    """A build that is being written: its number, the schema it goes to, up to when its data is known, and how."""

    build_id: int
    schema: str
    as_of: datetime
    is_full: bool
    """Whether everything is built anew, rather than what was touched."""

    def target(self, state: Path) -> Path:
        """Where in `state` dbt keeps what it read and ran: a folder a schema, since for another one it reads all anew."""
        return state / "target" / self.schema


def build_marts(
    connection: Connection[TupleRow],
    *,
    state: Path,
    full_refresh: bool = False,
    progress: Progress | None = None,
) -> PendingBuild:
    """Brings the marts up to date with `billing` and makes them the ones that are read.

    Where nothing was touched, the build that is read is, and only its `as_of` becomes that of the last load. dbt keeps
    its parsed project and its logs in the folder `state`. Raises DynamicsError when nothing was loaded, and when a
    model or test fails: the last build is then still the one that is read.
    """
    with _billing_at_rest(connection):
        renewed = None if full_refresh else _renewed(connection)
    if renewed:
        return renewed
    with new_build(connection, full_refresh=full_refresh, progress=progress) as build:
        _run_dbt(build, state, progress=progress)
    return build


@contextmanager
def new_build(
    connection: Connection[TupleRow], *, full_refresh: bool = False, progress: Progress | None = None
) -> Iterator[PendingBuild]:
    """Reserves the schema that is not read, points dbt's profile at it, and publishes it if the block succeeds.

    The block runs dbt, which finds an empty schema, or an earlier build there and in its table `touched` what to replace.
    """
    with _billing_at_rest(connection):
        as_of = _as_of(connection)
        schema, read = _idle_schema_first(connection)
        connection.execute("select pg_advisory_lock(hashtext(%s))", [schema])
        starts = [] if full_refresh else [one for one in (schema, read) if _can_be_filled_up(connection, one)]
        is_full = prepare(connection, schema, as_of, starts=starts, progress=progress)
        build_id = _value(
            connection,
            "insert into dynamics.builds (marts_schema, as_of, touched_before, models, base_currency)"
            " values (%(schema)s, %(as_of)s, pg_snapshot_xmin(pg_current_snapshot()), %(models)s, %(base_currency)s)"
            " returning build_id",
            {"schema": schema, "as_of": as_of} | _made_by(),
        )
        connection.commit()
        with _profile(connection, schema):
            yield PendingBuild(build_id, schema, as_of, is_full)
        connection.execute("update dynamics.builds set finished_at = now() where build_id = %s", [build_id])
        connection.execute(_FORGET_TOUCHED)
        connection.commit()


_CAN_BE_FILLED_UP = """
    select
        finished_at is not null
        and models = %(models)s
        and base_currency = %(base_currency)s
        and dynamics.billing_is_watched()
        and not exists (select from dynamics.touched where everything and changed_by >= builds.touched_before)
    from dynamics.builds
    where marts_schema = %(schema)s
    order by build_id desc limit 1
"""
"""Whether a schema holds a whole build of these models in this currency, since which all changes are known."""

_UNTOUCHED = """
    select build_id, marts_schema from dynamics.builds
    where
        build_id = (select max(build_id) from dynamics.builds where finished_at is not null)
        and models = %(models)s
        and base_currency = %(base_currency)s
        and dynamics.billing_is_watched()
        and not exists (select from dynamics.touched where changed_by >= builds.touched_before)
"""

_FORGET_TOUCHED = """
    delete from dynamics.touched where changed_by < (
        select min(touched_before) from (
            select distinct on (marts_schema) finished_at, touched_before from dynamics.builds
            order by marts_schema, build_id desc
        ) as latest
        where finished_at is not null
    )
"""
"""A schema whose latest build did not end is built whole next, and needs no marks."""


@contextmanager
def _billing_at_rest(connection: Connection[TupleRow]) -> Iterator[None]:
    """Waits for loads and other builds, and keeps them waiting until the block ends, with all locks that it takes."""
    connection.rollback()
    connection.execute("select pg_advisory_lock(%s)", [SOURCE_LOCK])
    try:
        yield
    finally:
        connection.rollback()
        connection.execute("select pg_advisory_unlock_all()")
        connection.commit()


def _renewed(connection: Connection[TupleRow]) -> PendingBuild | None:
    """The build that is read, when nothing was touched since, under a new number if the data is known longer now."""
    row = connection.execute(_UNTOUCHED, _made_by()).fetchone()
    if row is None:
        return None
    build_id, schema = row
    as_of = _as_of(connection)
    renewed = connection.execute(
        "insert into dynamics.builds (marts_schema, as_of, finished_at, touched_before, models, base_currency)"
        " select marts_schema, %s, now(), touched_before, models, base_currency from dynamics.builds"
        " where build_id = %s and as_of <> %s returning build_id",
        [as_of, build_id, as_of],
    ).fetchone()
    connection.commit()
    return PendingBuild(renewed[0] if renewed else build_id, schema, as_of, is_full=False)


def _made_by() -> dict[str, str]:
    """What a build's rows depend on beside the data: rows that something else made are not filled up."""
    return {"models": _models(), "base_currency": settings().base_currency}


def _models() -> str:
    """What the dbt project is, in one hash."""
    digest = hashlib.sha256()
    for folder in ("dbt_project.yml", "macros", "models"):
        for path in sorted((DBT_PROJECT / folder).rglob("*")) or [DBT_PROJECT / folder]:
            if path.is_file() and path.suffix != ".md":
                digest.update(path.relative_to(DBT_PROJECT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


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


def _idle_schema_first(connection: Connection[TupleRow]) -> list[str]:
    """Both schemas, the one that is read last."""
    read = _value(
        connection,
        "select marts_schema from dynamics.builds where finished_at is not null order by build_id desc limit 1",
    )
    return sorted(_SCHEMAS, key=lambda schema: schema == read)


def _can_be_filled_up(connection: Connection[TupleRow], schema: str) -> bool:
    return bool(_value(connection, _CAN_BE_FILLED_UP, {"schema": schema} | _made_by()))


def _value(
    connection: Connection[TupleRow], text: Any, parameters: list[Any] | dict[str, Any] | None = None
) -> Any:
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
        "BASE_CURRENCY": settings().base_currency,
    }
    before = dict(os.environ)
    os.environ.update({f"DYNAMICS_DBT_{key}": str(value) for key, value in values.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run_dbt(build: PendingBuild, state: Path, *, progress: Progress | None) -> None:
    from dbt.cli.main import dbtRunner

    one_at_a_time = Lock()

    def on_event(event: Any) -> None:
        if progress and event.info.name == "NodeFinished":
            with one_at_a_time:
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
    arguments += [
        "--target-path",
        str(build.target(state)),
        "--exclude-resource-types",
        "unit_test",
        "exposure",
    ]
    if not build.is_full:
        # Views are there, and what is tested of them are keys of `billing`.
        arguments += ["--exclude", "config.materialized:view"]
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
