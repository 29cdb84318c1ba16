"""What a schema of the marts is filled up from: nothing, or its last build and in `touched` who changed since, and when."""

from psycopg import Connection, sql
from psycopg.rows import TupleRow

_MARKS = """
    create table {}.touched (client_id text, since timestamptz, client_changed boolean);
    create table {}.touched_rates (currency text, since timestamptz)
"""


def prepare(connection: Connection[TupleRow], schema: str, *, is_full: bool) -> None:
    """Leaves in the schema what dbt builds on: nothing, or the last build, and what was touched since."""
    named = sql.Identifier(schema)
    if is_full:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(named))
        connection.execute(sql.SQL("create schema {}").format(named))
        connection.execute(sql.SQL(_MARKS).format(named, named))
        return
    last = "select touched_before from dynamics.builds where marts_schema = %s order by build_id desc limit 1"
    for (transaction,) in connection.execute(last, [schema]).fetchall():
        mark_touched(connection, schema, transaction)


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
