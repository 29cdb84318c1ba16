"""The ledger of builds: the tables dynamics.builds and dynamics.build_steps."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError

SCHEMA = "marts"
"""The schema of all marts."""

CHANGE_STEPS = frozenset({"int_changed_clients", "int_changed_events"})
"""The steps that decide what an incremental build changes. The marts change only after both."""

DBT_STEP = "dbt"
"""The step that stands for all models and tests. It is recorded when dbt has finished."""


@dataclass(frozen=True, slots=True)
class PendingBuild:
    """A build that is running, or was interrupted."""

    build_id: int
    schema: str
    as_of: datetime
    """The instant up to which the data is known (definition: As of)."""
    is_full: bool
    skipped_models: frozenset[str] = frozenset()
    """Models that need not run: their source has not changed, or the interrupted build ran them."""


@dataclass(frozen=True, slots=True)
class BuildFingerprint:
    """What the rows of the marts depend on, apart from the data.

    A build with another fingerprint than the current one must be full.
    """

    project_hash: str
    """A hash of the dbt project."""
    base_currency: str


_LAST_UNFINISHED = """
    select
        build_id, as_of, is_full,
        project_hash is not distinct from %(project_hash)s
        and base_currency is not distinct from %(base_currency)s,
        array(select step from dynamics.build_steps where build_steps.build_id = latest.build_id)
    from dynamics.builds as latest
    where build_id = (select max(build_id) from dynamics.builds) and finished_at is null
"""

_HAS_CHANGED_MARTS = """
    (unfinished.is_full or %(change_steps)s <@ array(
        select step from dynamics.build_steps where build_steps.build_id = unfinished.build_id
    ))
"""
"""An incremental build changes the marts only after both change steps have ended."""

_IS_REUSABLE = """
    build.marts_schema = %(schema)s
    and build.project_hash = %(project_hash)s
    and build.base_currency = %(base_currency)s
    and to_regclass(%(facts)s) is not null
    and dynamics.is_change_capture_enabled()
"""

_CAN_BUILD_INCREMENTALLY = f"""
    select true from dynamics.current_build as build
    where
        {_IS_REUSABLE}
        and not exists (select from dynamics.pending_changes where needs_full_build)
        and not exists (
            select from dynamics.builds as unfinished
            where unfinished.build_id > build.build_id and {_HAS_CHANGED_MARTS}
        )
"""

_HAS_MARTS_OF = f"""
    select not exists (
        select from dynamics.builds as unfinished
        where unfinished.build_id > %(build_id)s and finished_at is null and {_HAS_CHANGED_MARTS}
    )
"""

_IS_UNCHANGED = f"""
    select true from dynamics.current_build as build
    where
        build.build_id = (select max(build_id) from dynamics.builds)
        and {_IS_REUSABLE}
        and not exists (select from dynamics.pending_changes)
"""


def load_source_as_of(connection: Connection[TupleRow]) -> datetime:
    """Return the instant up to which `billing` is known (definition: As of).

    The last load sets it. Without a load it is now. Raise DynamicsError when `billing` is empty.
    """
    hint = "run `dynamics load DIR` first (`dynamics sample DIR` writes an example)"
    if not _fetch_value(connection, "select to_regclass('billing.clients') is not null"):
        raise DynamicsError(f"there is no schema `billing`: {hint}")
    if not _fetch_value(connection, "select exists (select from billing.clients)"):
        raise DynamicsError(f"the schema `billing` is empty: {hint}")
    as_of: datetime = _fetch_value(
        connection, "select coalesce((select as_of from dynamics.loads order by load_id desc limit 1), now())"
    )
    return as_of


def start(
    connection: Connection[TupleRow],
    fingerprint: BuildFingerprint,
    *,
    is_full: bool,
    skipped_models: frozenset[str] = frozenset(),
) -> PendingBuild:
    """Add a new build to the ledger and commit. No earlier build can record a step after that."""
    as_of = load_source_as_of(connection)
    connection.execute("select pg_advisory_xact_lock(hashtext('dynamics.build_steps'))")
    build_id = _fetch_value(
        connection,
        "insert into dynamics.builds (marts_schema, as_of, source_xmin, project_hash, base_currency, is_full)"
        " values (%s, %s, pg_snapshot_xmin(pg_current_snapshot()), %s, %s, %s) returning build_id",
        [SCHEMA, as_of, fingerprint.project_hash, fingerprint.base_currency, is_full],
    )
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.commit()
    return PendingBuild(build_id, SCHEMA, as_of, is_full, skipped_models)


def find_interrupted(connection: Connection[TupleRow], fingerprint: BuildFingerprint) -> PendingBuild | None:
    """Return the last build if it was interrupted and can be resumed.

    It must have the same fingerprint. An incremental build must have finished both change steps, a
    full build all of dbt.
    """
    row = connection.execute(_LAST_UNFINISHED, _parameters(fingerprint)).fetchone()
    if row is None:
        return None
    build_id, as_of, is_full, has_same_fingerprint, steps = row
    required_steps = {DBT_STEP} if is_full else CHANGE_STEPS
    if not has_same_fingerprint or not required_steps <= {*steps}:
        return None
    return PendingBuild(build_id, SCHEMA, as_of, is_full, skipped_models=frozenset(steps))


def can_build_incrementally(connection: Connection[TupleRow], fingerprint: BuildFingerprint) -> bool:
    """Return True if the marts belong to the current build and the log has all changes since."""
    return bool(_fetch_value(connection, _CAN_BUILD_INCREMENTALLY, _parameters(fingerprint)))


def has_marts_of(connection: Connection[TupleRow], build_id: int) -> bool:
    """Return True if no later, interrupted build has changed the marts of this build."""
    parameters = {"build_id": build_id, "change_steps": sorted(CHANGE_STEPS)}
    return bool(_fetch_value(connection, _HAS_MARTS_OF, parameters))


def reuse_current_build(
    connection: Connection[TupleRow], fingerprint: BuildFingerprint
) -> PendingBuild | None:
    """Return the current build if nothing has changed since, otherwise None. Commit.

    If the data is now known up to another instant, add a build that has the marts of the current
    one.
    """
    if not _fetch_value(connection, _IS_UNCHANGED, _parameters(fingerprint)):
        return None
    build_id, previous_as_of = connection.execute(
        "select build_id, as_of from dynamics.current_build"
    ).fetchone() or (0, None)
    as_of = load_source_as_of(connection)
    if as_of != previous_as_of:
        build_id = _fetch_value(
            connection,
            "insert into dynamics.builds"
            " (marts_schema, as_of, finished_at, source_xmin, project_hash, base_currency, is_full)"
            " select marts_schema, %s, now(), source_xmin, project_hash, base_currency, false"
            " from dynamics.builds where build_id = %s returning build_id",
            [as_of, build_id],
        )
    connection.commit()
    return PendingBuild(build_id, SCHEMA, as_of, is_full=False)


def record_dbt_finished(connection: Connection[TupleRow], build: PendingBuild) -> None:
    """Record that dbt has finished. The commit waits until it and all earlier ones are on disk."""
    connection.execute(
        "insert into dynamics.build_steps (build_id, step) values (%s, %s) on conflict do nothing",
        [build.build_id, DBT_STEP],
    )
    connection.commit()


def finish(connection: Connection[TupleRow], build: PendingBuild) -> None:
    """Make the build the current one. Delete the changes that it contains, and older steps."""
    connection.execute("update dynamics.builds set finished_at = now() where build_id = %s", [build.build_id])
    connection.execute(
        "delete from dynamics.change_log"
        " where xact_id < (select source_xmin from dynamics.builds where build_id = %s)",
        [build.build_id],
    )
    if build.is_full:
        _drop_leftovers(connection, build)
    connection.execute("delete from dynamics.build_steps where build_id < %s", [build.build_id])
    connection.commit()


def _drop_leftovers(connection: Connection[TupleRow], build: PendingBuild) -> None:
    """Drop the relations that this full build did not create, and the schemas of old versions."""
    rows = connection.execute(
        "select format(case relkind when 'v' then 'drop view if exists %%I.%%I cascade'"
        " else 'drop table if exists %%I.%%I cascade' end, %(schema)s::text, relname)"
        " from pg_class where relnamespace = to_regnamespace(%(schema)s) and relkind in ('r', 'v')"
        " and relname not in (select step from dynamics.build_steps where build_id = %(build_id)s)",
        {"schema": SCHEMA, "build_id": build.build_id},
    ).fetchall()
    for (statement,) in rows:
        connection.execute(statement.encode())
    connection.execute("drop schema if exists marts_a cascade; drop schema if exists marts_b cascade")


def _parameters(fingerprint: BuildFingerprint) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "project_hash": fingerprint.project_hash,
        "base_currency": fingerprint.base_currency,
        "facts": f"{SCHEMA}.fct_client_events",
        "change_steps": sorted(CHANGE_STEPS),
    }


def _fetch_value(
    connection: Connection[TupleRow], query: Any, parameters: list[Any] | dict[str, Any] | None = None
) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None
