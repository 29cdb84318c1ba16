"""The ledger of builds: `dynamics.builds`, and the finished steps in `dynamics.build_steps`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError

SCHEMA = "marts"

SCOPE_STEPS = frozenset({"int_changed_clients", "int_changed_events"})
"""The steps that say what an incremental build changes. Before both end, nothing has changed."""

DBT_STEP = "dbt"
"""The step that is recorded when dbt has finished all models and tests of a build."""

Progress = Callable[[str], None]
"""Is called with the name of each finished step, one at a time."""


@dataclass(frozen=True, slots=True)
class PendingBuild:
    """A build that is under way.

    `as_of` is the instant up to which the data is known. `skipped_models` need not run: an earlier
    attempt at the same build finished them, or nothing has changed in what they copy.
    """

    build_id: int
    schema: str
    as_of: datetime
    is_full: bool
    skipped_models: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """What the rows depend on beside the data: a hash of the dbt project, and the base currency."""

    models: str
    base_currency: str


_CURRENT = (
    "select build_id, as_of from dynamics.builds where finished_at is not null order by build_id desc limit 1"
)

_UNFINISHED = """
    select
        build_id, as_of, is_full, models is not distinct from %s and base_currency is not distinct from %s,
        array(select step from dynamics.build_steps where build_steps.build_id = latest.build_id)
    from dynamics.builds as latest
    where build_id = (select max(build_id) from dynamics.builds) and finished_at is null
"""

_IS_OF_THIS_PROJECT = """
    base.marts_schema = %(schema)s
    and base.models = %(models)s
    and base.base_currency = %(base_currency)s
    and to_regclass(%(facts)s) is not null
    and dynamics.billing_is_watched()
"""

_CAN_BE_CHANGED_IN_PLACE = f"""
    select true from dynamics.builds as base
    where
        base.build_id = (select max(build_id) from dynamics.builds where finished_at is not null)
        and {_IS_OF_THIS_PROJECT}
        and not exists (select from dynamics.changes where everything)
        and not exists (
            select from dynamics.builds as later
            where later.build_id > base.build_id and (later.is_full or %(scope_steps)s <@ array(
                select step from dynamics.build_steps where build_steps.build_id = later.build_id
            ))
        )
"""
"""A later build that did not finish has left the marts alone if it was incremental and had not
finished both scope steps."""

_UNCHANGED = f"""
    select true from dynamics.builds as base
    where
        base.build_id = (select max(build_id) from dynamics.builds)
        and base.finished_at is not null
        and {_IS_OF_THIS_PROJECT}
        and not exists (select from dynamics.changes)
"""


def as_of(connection: Connection[TupleRow]) -> datetime:
    """Return up to when `billing` is known: as the last load said, or now without one (spec 3).

    Raises DynamicsError when `billing` is empty.
    """
    hint = "run `dynamics load DIR` first, `dynamics sample DIR` makes an example"
    if not _value(connection, "select to_regclass('billing.clients') is not null"):
        raise DynamicsError(f"nothing has been loaded: {hint}")
    if not _value(connection, "select exists (select from billing.clients)"):
        raise DynamicsError(f"the billing schema is empty: {hint}")
    known: datetime = _value(
        connection, "select coalesce((select as_of from dynamics.loads order by load_id desc limit 1), now())"
    )
    return known


def start(
    connection: Connection[TupleRow],
    origin: Origin,
    *,
    is_full: bool,
    skipped_models: frozenset[str] = frozenset(),
) -> PendingBuild:
    """Add the row of a new build and commit it. From then on no earlier build can record a step."""
    known = as_of(connection)
    connection.execute("select pg_advisory_xact_lock(hashtext('dynamics.build_steps'))")
    build_id = _value(
        connection,
        "insert into dynamics.builds (marts_schema, as_of, touched_before, models, base_currency, is_full)"
        " values (%s, %s, pg_snapshot_xmin(pg_current_snapshot()), %s, %s, %s) returning build_id",
        [SCHEMA, known, origin.models, origin.base_currency, is_full],
    )
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.commit()
    return PendingBuild(build_id, SCHEMA, known, is_full, skipped_models)


def interrupted(connection: Connection[TupleRow], origin: Origin) -> PendingBuild | None:
    """Return the last build if it was interrupted and can be resumed.

    It must be of this project. An incremental build must have finished both scope steps, a full one
    all of dbt.
    """
    row = connection.execute(_UNFINISHED, [origin.models, origin.base_currency]).fetchone()
    if row is None:
        return None
    build_id, known, is_full, has_same_origin, steps = row
    needed = {DBT_STEP} if is_full else SCOPE_STEPS
    if not has_same_origin or not needed <= {*steps}:
        return None
    return PendingBuild(build_id, SCHEMA, known, is_full, skipped_models=frozenset(steps))


def can_be_changed_in_place(connection: Connection[TupleRow], origin: Origin) -> bool:
    """Return True when the marts are those of the last finished build and all changes are known."""
    return bool(_value(connection, _CAN_BE_CHANGED_IN_PLACE, _parameters(origin)))


def marts_are_of(connection: Connection[TupleRow], build_id: int) -> bool:
    """Return True when no later build has changed the marts since the build finished."""
    return bool(
        _value(
            connection,
            "select not exists (select from dynamics.builds as later where later.build_id > %(build)s"
            " and finished_at is null and (later.is_full or %(scope_steps)s <@ array("
            " select step from dynamics.build_steps where build_steps.build_id = later.build_id)))",
            {"build": build_id, "scope_steps": sorted(SCOPE_STEPS)},
        )
    )


def renew(connection: Connection[TupleRow], origin: Origin) -> PendingBuild | None:
    """Return the current build when nothing has changed since.

    It gets a new number if the data is known up to a later instant now.
    """
    if not _value(connection, _UNCHANGED, _parameters(origin)):
        return None
    build_id, known_before = connection.execute(_CURRENT).fetchone() or (0, None)
    known = as_of(connection)
    if known != known_before:
        build_id = _value(
            connection,
            "insert into dynamics.builds"
            " (marts_schema, as_of, finished_at, touched_before, models, base_currency, is_full)"
            " select marts_schema, %s, now(), touched_before, models, base_currency, false"
            " from dynamics.builds where build_id = %s returning build_id",
            [known, build_id],
        )
    connection.commit()
    return PendingBuild(build_id, SCHEMA, known, is_full=False)


def record_dbt(connection: Connection[TupleRow], build: PendingBuild) -> None:
    """Record that dbt has finished. The commit waits for the disk, and for all earlier commits."""
    connection.execute(
        "insert into dynamics.build_steps (build_id, step) values (%s, %s) on conflict do nothing",
        [build.build_id, DBT_STEP],
    )
    connection.commit()


def finish(connection: Connection[TupleRow], build: PendingBuild) -> None:
    """Make the build the current one. Forget its changes and the steps of older builds."""
    connection.execute("update dynamics.builds set finished_at = now() where build_id = %s", [build.build_id])
    connection.execute(
        "delete from dynamics.touched where changed_by < (select touched_before from dynamics.builds where build_id = %s)",
        [build.build_id],
    )
    if build.is_full:
        _drop_leftovers(connection, build)
    connection.execute("delete from dynamics.build_steps where build_id < %s", [build.build_id])
    connection.commit()


def _drop_leftovers(connection: Connection[TupleRow], build: PendingBuild) -> None:
    """Drop the relations that this full build did not make, and the schemas of earlier versions."""
    rows = connection.execute(
        "select format(case relkind when 'v' then 'drop view if exists %%I.%%I cascade'"
        " else 'drop table if exists %%I.%%I cascade' end, %(schema)s::text, relname)"
        " from pg_class where relnamespace = to_regnamespace(%(schema)s) and relkind in ('r', 'v')"
        " and relname not in (select step from dynamics.build_steps where build_id = %(build)s)",
        {"schema": SCHEMA, "build": build.build_id},
    ).fetchall()
    for (statement,) in rows:
        connection.execute(statement.encode())
    connection.execute("drop schema if exists marts_a cascade; drop schema if exists marts_b cascade")


def _parameters(origin: Origin) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "models": origin.models,
        "base_currency": origin.base_currency,
        "facts": f"{SCHEMA}.fct_client_events",
        "scope_steps": sorted(SCOPE_STEPS),
    }


def _value(
    connection: Connection[TupleRow], query: Any, parameters: list[Any] | dict[str, Any] | None = None
) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None
