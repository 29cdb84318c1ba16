"""Fast loading of an empty table: without indexes, references and row triggers until the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

_SUSPENSION = """
    with target as (
        select oid from pg_class where oid = %(table)s::regclass and pg_has_role(relowner, 'usage')
    ),
    referenced_indexes as (select conindid from pg_constraint where contype = 'f'),
    statements as (
        select 0 as turn, format('truncate %%s', oid::regclass) as suspend, null as restore
        from target where oid not in (select confrelid from pg_constraint where contype = 'f')
        union all
        select 0,
            format('alter table %%s disable trigger %%I', tgrelid::regclass, tgname),
            format('alter table %%s enable trigger %%I', tgrelid::regclass, tgname)
        from pg_trigger join target on tgrelid = target.oid
        where tgname = 'capture_insert' and tgenabled = 'O'
        union all
        select 0, 'insert into dynamics.change_log (needs_full_build) values (true)', null
        from target
        union all
        select case contype when 'f' then 2 else 1 end,
            format('alter table %%s drop constraint %%I', conrelid::regclass, conname),
            format('alter table %%s add constraint %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
        from pg_constraint c join target on conrelid = target.oid
        where contype = 'f' or contype in ('p', 'u') and conindid not in (select conindid from referenced_indexes)
        union all
        select 1, format('drop index %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
        from pg_index join target on indrelid = target.oid
        where indexrelid not in (select conindid from pg_constraint)
    )
    select suspend, restore from statements order by turn
"""
"""The statements that suspend the indexes and references of an empty table, and restore them.

One row in the change log asks for a full build and replaces the rows of the insert trigger. An
index that another table refers to stays. If another role owns the table, nothing is suspended. A
truncated table gets a new file, and Postgres need not write a log for rows that fill this file in
the same transaction, if wal_level is minimal.
"""


def claim_if_empty(connection: psycopg.Connection[Any], target: sql.Identifier) -> bool:
    """Lock the table if it is empty, until the transaction ends. Return True if it is empty."""
    is_empty = sql.SQL("select not exists (select from {})").format(target)
    if connection.execute(is_empty).fetchone() != (True,):
        return False
    connection.execute(sql.SQL("lock table {} in access exclusive mode").format(target))
    return connection.execute(is_empty).fetchone() == (True,)


@contextmanager
def suspend_indexes(connection: psycopg.Connection[Any], target: sql.Identifier) -> Iterator[None]:
    """Drop the indexes and references of a table, and create them again when the block succeeds.

    Creating them for all rows together is much faster than maintaining them row by row.
    """
    statements = connection.execute(_SUSPENSION, {"table": target.as_string(connection)}).fetchall()
    for suspend, _ in statements:
        connection.execute(suspend.encode())
    yield
    for _, restore in statements:
        if restore:
            connection.execute(restore.encode())
