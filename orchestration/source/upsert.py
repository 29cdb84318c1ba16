"""Staged rows become rows of `billing`: what is new is inserted, what differs is updated, the rest is not touched.

`pg_temp.changed` says what that is, before it is done: a row for each key that is new or differs, with the columns of the
table as they will be, `old_COLUMN` as they are (null when it is new), and `is_new`.
"""

from collections.abc import Iterable
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from orchestration.source.contract import Table
from orchestration.source.first_load import claimed_empty, without_indexes
from orchestration.source.staging import staged

_CHANGED = sql.Identifier("pg_temp", "changed")


class Changes(NamedTuple):
    """What a load did to one table, in rows. Only tags are ever deleted; rows that say the same are not counted."""

    inserted: int
    updated: int
    deleted: int = 0


def upsert(connection: psycopg.Connection[Any], table: Table) -> Changes:
    """Brings the staged rows of `table` into `billing`, by key.

    Raises psycopg.DataError or IntegrityError when `billing` refuses a row; half of the work may then be done.
    """
    target = sql.Identifier("billing", table.name)
    if claimed_empty(connection, target):
        # Everything is new: it need not be joined, nor written down twice.
        connection.execute(sql.SQL("create temporary view changed as {}").format(_all_new(table)))
        with without_indexes(connection, target):
            changes = Changes(_insert(connection, table, target), 0)
        connection.execute(sql.SQL("drop view {}").format(_CHANGED))
    else:
        _require_distinct_keys(connection, table)
        connection.execute(
            sql.SQL("create temporary table changed as {}").format(_new_or_differing(table, target))
        )
        changes = Changes(_insert(connection, table, target), _update(connection, table, target))
        connection.execute(sql.SQL("drop table {}").format(_CHANGED))
    return changes


def _all_new(table: Table) -> sql.Composed:
    nothing = (
        sql.SQL("null::" + column.type + " as {}").format(_old(column.name)) for column in table.columns
    )
    return sql.SQL("select given.*, {nothing}, true as is_new from {given} given").format(
        nothing=_commas(nothing), given=_given(table)
    )


def _new_or_differing(table: Table, target: sql.Identifier) -> sql.Composed:
    is_new = sql.SQL("{} is null").format(sql.Identifier("known", table.key[0]))
    differs: sql.Composable = sql.SQL("false")
    if rest := _rest(table):
        differs = sql.SQL("({}) is distinct from ({})").format(_names(rest, "known"), _names(rest, "given"))
    return sql.SQL(
        "select given.*, {old}, {is_new} as is_new from {given} given left join {target} known using ({key})"
        " where {is_new} or {differs}"
    ).format(
        old=_commas(
            sql.SQL("{} as {}").format(sql.Identifier("known", name), _old(name))
            for name in table.column_names
        ),
        is_new=is_new,
        given=_given(table),
        target=target,
        key=_names(table.key),
        differs=differs,
    )


def _given(table: Table) -> sql.Composed:
    values = (
        sql.SQL("{name}::" + column.type + " as {name}").format(name=sql.Identifier(column.name))
        for column in table.columns
    )
    return sql.SQL("(select {} from {})").format(_commas(values), staged(table))


def _require_distinct_keys(connection: psycopg.Connection[Any], table: Table) -> None:
    # Bytes compare several times faster than words of a language, and keys only have to be equal.
    key = _commas(sql.SQL('{} collate "C"').format(sql.Identifier(name)) for name in table.key)
    connection.execute(sql.SQL("create unique index on {} ({})").format(staged(table), key))


def _insert(connection: psycopg.Connection[Any], table: Table, target: sql.Identifier) -> int:
    query = sql.SQL("insert into {target} ({columns}) select {columns} from {changed} where is_new")
    return connection.execute(
        query.format(target=target, columns=_names(table.column_names), changed=_CHANGED)
    ).rowcount


def _update(connection: psycopg.Connection[Any], table: Table, target: sql.Identifier) -> int:
    if not (rest := _rest(table)):
        return 0
    query = sql.SQL(
        "update {target} known set ({columns}) = row ({new}) from {changed} changed"
        " where not is_new and ({known_key}) = ({changed_key})"
    )
    return connection.execute(
        query.format(
            target=target,
            columns=_names(rest),
            new=_names(rest, "changed"),
            changed=_CHANGED,
            known_key=_names(table.key, "known"),
            changed_key=_names(table.key, "changed"),
        )
    ).rowcount


def _rest(table: Table) -> list[LiteralString]:
    return [name for name in table.column_names if name not in table.key]


def _old(name: str) -> sql.Identifier:
    return sql.Identifier(f"old_{name}")


def _names(names: Iterable[str], of: str | None = None) -> sql.Composed:
    return _commas(sql.Identifier(of, name) if of else sql.Identifier(name) for name in names)


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
