"""Moves staged rows into `billing`: new rows are inserted, changed rows updated, others left alone.

The relation `pg_temp.changed` lists the rows to write: the typed columns of each staged row that is
new or changed, and `is_new`.
"""

from collections.abc import Iterable
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from orchestration.source.bulk_load import claim_if_empty, suspend_indexes
from orchestration.source.contract import Table
from orchestration.source.staging import staging_table

_CHANGED = sql.Identifier("pg_temp", "changed")


class RowCounts(NamedTuple):
    """The rows of one table that a load has changed. Only tags are ever deleted."""

    inserted: int
    updated: int
    deleted: int = 0


def upsert(connection: psycopg.Connection[Any], table: Table) -> RowCounts:
    """Insert or update the staged rows of `table` in `billing`, by key.

    Raise psycopg.DataError or IntegrityError when `billing` rejects a row. The caller must then
    roll back, because some of the rows may be written.
    """
    target = sql.Identifier("billing", table.name)
    if claim_if_empty(connection, target):
        # All rows are new, so they need no join and no temporary copy.
        connection.execute(sql.SQL("create temporary view changed as {}").format(_select_all(table)))
        with suspend_indexes(connection, target):
            counts = RowCounts(_insert(connection, table, target), 0)
        connection.execute(sql.SQL("drop view {}").format(_CHANGED))
    else:
        _require_distinct_keys(connection, table)
        connection.execute(
            sql.SQL("create temporary table changed as {}").format(_select_changed(table, target))
        )
        counts = RowCounts(_insert(connection, table, target), _update(connection, table, target))
        connection.execute(sql.SQL("drop table {}").format(_CHANGED))
    return counts


def _select_all(table: Table) -> sql.Composed:
    return sql.SQL("select staged.*, true as is_new from {} staged").format(_select_typed(table))


def _select_changed(table: Table, target: sql.Identifier) -> sql.Composed:
    is_new = sql.SQL("{} is null").format(sql.Identifier("stored", table.key[0]))
    differs: sql.Composable = sql.SQL("false")
    if names := _list_other_columns(table):
        differs = sql.SQL("({}) is distinct from ({})").format(
            _join_names(names, "stored"), _join_names(names, "staged")
        )
    return sql.SQL(
        "select staged.*, {is_new} as is_new from {staged} staged left join {target} stored using ({key})"
        " where {is_new} or {differs}"
    ).format(
        is_new=is_new,
        staged=_select_typed(table),
        target=target,
        key=_join_names(table.key),
        differs=differs,
    )


def _select_typed(table: Table) -> sql.Composed:
    values = (
        sql.SQL("{name}::" + column.type + " as {name}").format(name=sql.Identifier(column.name))
        for column in table.columns
    )
    return sql.SQL("(select {} from {})").format(_join(values), staging_table(table))


def _require_distinct_keys(connection: psycopg.Connection[Any], table: Table) -> None:
    # Keys must only be equal, and a comparison of bytes is faster than one of a language.
    key = _join(sql.SQL('{} collate "C"').format(sql.Identifier(name)) for name in table.key)
    connection.execute(sql.SQL("create unique index on {} ({})").format(staging_table(table), key))


def _insert(connection: psycopg.Connection[Any], table: Table, target: sql.Identifier) -> int:
    query = sql.SQL("insert into {target} ({columns}) select {columns} from {changed} where is_new")
    return connection.execute(
        query.format(target=target, columns=_join_names(table.column_names), changed=_CHANGED)
    ).rowcount


def _update(connection: psycopg.Connection[Any], table: Table, target: sql.Identifier) -> int:
    names = _list_other_columns(table)
    if not names:
        return 0
    query = sql.SQL(
        "update {target} stored set ({columns}) = row ({values}) from {changed} changed"
        " where not is_new and ({stored_key}) = ({changed_key})"
    )
    return connection.execute(
        query.format(
            target=target,
            columns=_join_names(names),
            values=_join_names(names, "changed"),
            changed=_CHANGED,
            stored_key=_join_names(table.key, "stored"),
            changed_key=_join_names(table.key, "changed"),
        )
    ).rowcount


def _list_other_columns(table: Table) -> list[LiteralString]:
    """Return the columns that are not part of the key."""
    return [name for name in table.column_names if name not in table.key]


def _join_names(names: Iterable[str], relation: str | None = None) -> sql.Composed:
    return _join(sql.Identifier(relation, name) if relation else sql.Identifier(name) for name in names)


def _join(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
