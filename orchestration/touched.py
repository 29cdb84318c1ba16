"""What a schema of the marts is filled up from: nothing, or a build before and in `touched` who changed since, and when."""

from collections.abc import Callable, Sequence
from datetime import datetime

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from orchestration.copying import copy_marts

_MARKS = """
    create table {}.touched (client_id text, since timestamptz, client_changed boolean);
    create table {}.touched_rates (currency text, since timestamptz)
"""

_LAST_BUILD = (
    "select touched_before from dynamics.builds where marts_schema = %s order by build_id desc limit 1"
)

_MOSTLY_TOUCHED = """
    select sum(%(as_of)s - least(greatest(created_at, coalesce(since, '-infinity')), %(as_of)s)) filter (where is_touched)
        > sum(%(as_of)s - created_at) / 3
    from billing.clients left join (select client_id, since, true as is_touched from {}) as touched using (client_id)
    where created_at < %(as_of)s
"""
"""Whether what was touched is more than a third of what clients have lived through. From there on it takes longer to replace
it than to make everything anew, and leaves tables behind of which as much is void."""


def prepare(
    connection: Connection[TupleRow],
    schema: str,
    as_of: datetime,
    *,
    starts: Sequence[str],
    progress: Callable[[str], None] | None = None,
) -> bool:
    """Leaves in the schema what dbt builds on: a build before this one and what was touched since, or nothing.

    `starts` are the schemas with a build to start from, the best first: that of another schema is copied, and
    `progress` told of each table. Gives whether it is nothing: when there are none, or when so much was touched since
    each that all of it is sooner made anew. `as_of` (aware) is up to when `billing` is known.
    """
    for start in starts:
        if start != schema:
            _empty(connection, schema)
        for (transaction,) in connection.execute(_LAST_BUILD, [start]).fetchall():
            mark_touched(connection, schema, transaction)
        if not _is_mostly_touched(connection, schema, as_of):
            if start != schema:
                copy_marts(connection, start, schema, progress=progress)
            return False
    _empty(connection, schema)
    return True


def _empty(connection: Connection[TupleRow], schema: str) -> None:
    named = sql.Identifier(schema)
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(named))
    connection.execute(sql.SQL("create schema {}").format(named))
    connection.execute(sql.SQL(_MARKS).format(named, named))


def mark_touched(connection: Connection[TupleRow], schema: str, transaction: str) -> None:
    """Writes into `touched` and `touched_rates` of the schema what was touched in that transaction and later ones."""
    touched, rates = sql.Identifier(schema, "touched"), sql.Identifier(schema, "touched_rates")
    connection.execute(sql.SQL("truncate {}, {}").format(touched, rates))
    connection.execute(
        sql.SQL(
            "insert into {} (client_id, since, client_changed) select"
            " client_id,"
            " case when bool_and(since is not null) then min(since) end,"
            " bool_or(since is null or since = 'infinity')"
            " from dynamics.touched where client_id is not null and changed_by >= %s group by client_id"
        ).format(touched),
        [transaction],
    )
    connection.execute(
        sql.SQL(
            "insert into {} (currency, since) select currency, min(since)"
            " from dynamics.touched where currency is not null and changed_by >= %s group by currency"
        ).format(rates),
        [transaction],
    )
    connection.execute(sql.SQL("analyze {}, {}").format(touched, rates))


def _is_mostly_touched(connection: Connection[TupleRow], schema: str, as_of: datetime) -> bool:
    mostly = sql.SQL(_MOSTLY_TOUCHED).format(sql.Identifier(schema, "touched"))
    return connection.execute(mostly, {"as_of": as_of}).fetchone() == (True,)
