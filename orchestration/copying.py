"""A copy of one schema of the marts as the other, for a build that has nothing of its own to start from."""

from collections.abc import Callable

from psycopg import Connection, sql
from psycopg.rows import TupleRow

_GENEROUS = "set local maintenance_work_mem = '256MB'; set local synchronous_commit = off"

_TABLES = """
    select relname, array(
        select pg_get_indexdef(indexrelid, 0, true) from pg_index where indrelid = pg_class.oid order by indexrelid
    )
    from pg_class
    where
        relnamespace = to_regnamespace(%(source)s) and relkind = 'r' and relpersistence = 'p'
        and relname not in (select tablename from pg_tables where schemaname = %(target)s)
    order by relname
"""
"""What is logged: what is not is made anew by each build."""

_VIEWS = """
    select relname, pg_get_viewdef(oid, true) from pg_class
    where relnamespace = to_regnamespace(%(source)s) and relkind = 'v'
    order by oid
"""
"""In the order in which they were made: one may read another."""


def copy_marts(
    connection: Connection[TupleRow],
    source: str,
    target: str,
    *,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Copies the tables that `target` does not have, with their indexes, and the views of a schema into another.

    In the transaction of the caller, in which `target` was made best: then the server need not log the rows. Until its
    end the search path is `target`. `progress` is told the name of each table that was copied.
    """
    connection.execute(_GENEROUS)
    # What lies in the search path is named without a schema, and so is made in another one by the same words.
    _search(connection, source)
    schemas = {"source": source, "target": target}
    tables = connection.execute(_TABLES, schemas).fetchall()
    views = connection.execute(_VIEWS, schemas).fetchall()
    _search(connection, target)
    for table, indexes in tables:
        there, here = sql.Identifier(source, table), sql.Identifier(target, table)
        for statement in (
            sql.SQL("create table {here} (like {there} including all excluding indexes)"),
            sql.SQL("insert into {here} select * from {there}"),
        ):
            connection.execute(statement.format(here=here, there=there))
        for index in indexes:
            connection.execute(index)
        connection.execute(sql.SQL("analyze {}").format(here))
        if progress:
            progress(table)
    for view, definition in views:
        named = sql.Identifier(target, view)
        connection.execute(sql.SQL("create view {} as {}").format(named, sql.SQL(definition)))


def _search(connection: Connection[TupleRow], schema: str) -> None:
    connection.execute("select set_config('search_path', quote_ident(%s), true)", [schema])
