"""An extract's file on its way in: copied as text into a table of its own, and held to the contract there.

Of ten million rows, mostly none is wrong. So `vouch` asks only whether any breaks a rule that `billing` does not
enforce by itself, and `check` looks for the first one, rule by rule, when one does or when `billing` refuses.
"""

import re
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

from orchestration.errors import RequestError
from orchestration.source.contract import Rule, Table
from orchestration.source.files import ExtractFile, Progress, chunks, header, line_of, malformation, shown

_REPEATED = Rule("time > 1", "is there already, on an earlier line; a key may be there once")


class Doubt(Exception):
    """A staged row breaks the contract, and it is not known yet which."""


_Place = tuple[tuple[str, ...], Rule]
"""Columns, and a rule that they are held to."""


def staged(table: Table) -> sql.Identifier:
    """The table that `stage` fills."""
    return sql.Identifier("dynamics", f"staged_{table.name}")


def stage(connection: psycopg.Connection[Any], file: ExtractFile, progress: Progress | None) -> None:
    """Fills `staged(file.table)`: the file's columns as text, null where empty.

    The rows lie in the order of the file. The table belongs to the transaction, which must drop it before its end. Raises
    RequestError when the file is no CSV of its table.
    """
    names = header(file)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    texts = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in names)
    # Not a temporary table, which parallel workers cannot read; nobody else ever sees it.
    connection.execute(sql.SQL("create unlogged table {} ({})").format(staged(file.table), texts))
    copy_in = sql.SQL("copy {} ({}) from stdin (format csv, encoding 'UTF8', force_null ({}))")
    try:
        with (
            connection.cursor() as cursor,
            cursor.copy(copy_in.format(staged(file.table), columns, columns)) as copy,
        ):
            for chunk, done in chunks(file):
                copy.write(chunk)
                if progress:
                    progress(file.name, done, file.path.stat().st_size)
    except psycopg.DataError as error:
        raise _malformed(file, len(names), error) from error
    connection.execute(sql.SQL("analyze {}").format(staged(file.table)))


def _malformed(file: ExtractFile, width: int, error: psycopg.DataError) -> RequestError:
    if not (found := malformation(file, width)):
        # Form and characters are right, and Postgres still could not take it: line ends that vary, or a character
        # that the database's own encoding lacks. Its line numbers leave out the header, which it never saw.
        number = re.search(r"\d+", error.diag.context or "")
        found = int(number[0]) + 1 if number else 1, f"cannot be read: {error.diag.message_primary}"
    line, reason = found
    return RequestError(f"{file.name} line {line} {reason}; nothing was loaded")


def vouch(connection: psycopg.Connection[Any], table: Table, base_currency: str) -> None:
    """Raises Doubt, or psycopg.DataError, when a staged row breaks a rule that `billing` does not enforce by itself."""
    judged: dict[tuple[Rule, ...], str] = {}
    conditions = []
    for column in table.columns:
        rules = tuple(rule for rule in column.rules if not rule.enforced)
        if not rules:
            continue
        condition = _any(_broken(((column.name,), rule), base_currency) for rule in rules)
        if (twin := judged.setdefault(rules, column.name)) != column.name:
            # Most rows were never changed: their times are one, and judged once.
            condition = sql.SQL("{} is distinct from {} and {}").format(
                sql.Identifier(column.name), sql.Identifier(twin), condition
            )
        conditions.append(condition)
    # A count, not an `exists`: Postgres would plan for the first row, and read with one process.
    query = sql.SQL("select count(*) from {} staged where {}").format(staged(table), _any(conditions))
    if connection.execute(query).fetchone() != (0,):
        raise Doubt


def check(connection: psycopg.Connection[Any], file: ExtractFile, base_currency: str) -> None:
    """Holds every staged row of `file` to the contract. Raises RequestError that shows the first one that breaks it."""
    table = file.table
    places = [*_rules(table), (table.key, _REPEATED)]
    cases = sql.SQL(" ").join(
        sql.SQL("when {} then {}").format(_broken(place, base_currency), number)
        for number, place in enumerate(places[:-1])
    )
    query = sql.SQL(
        "select place, rule, count(*) over () from ("
        " select ctid as place, case {cases} end as rule from {staged} staged"
        " union all select place, {repeated} from ("
        "  select ctid as place, row_number() over (partition by {key} order by ctid) as time from {staged}"
        " ) keys where {is_repeated}"
        ") findings where rule is not null order by place, rule limit 1"
    ).format(
        cases=cases,
        staged=staged(table),
        repeated=len(places) - 1,
        is_repeated=sql.SQL(_REPEATED.broken),
        # Bytes compare several times faster than words of a language, and keys only have to be equal.
        key=sql.SQL(", ").join(sql.SQL('{} collate "C"').format(sql.Identifier(name)) for name in table.key),
    )
    if finding := connection.execute(query).fetchone():
        ctid, number, findings = finding
        columns, rule = places[number]
        record, values = _read(connection, table, ctid, columns)
        more = f" (and {findings - 1} more)" if findings > 1 else ""
        raise RequestError(
            f"{file.name} line {line_of(file, record + 1)}, column {', '.join(columns)}:"
            f" {values} {rule.needed}{more}; nothing was loaded"
        )


def _any(conditions: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("({})").format(sql.SQL(" or ").join(sql.SQL("({})").format(each) for each in conditions))


def _rules(table: Table) -> list[_Place]:
    return [((column.name,), rule) for column in table.columns for rule in column.rules]


def _broken(place: _Place, base_currency: str) -> sql.Composed:
    (column,), rule = place
    value = sql.Identifier("staged", column)
    return sql.SQL(rule.broken).format(value=value, base_currency=sql.Literal(base_currency))


def _read(
    connection: psycopg.Connection[Any], table: Table, ctid: str, columns: tuple[str, ...]
) -> tuple[int, str]:
    """Which record of the file stands at `ctid`, from 1, and what it has in `columns`, as shown."""
    query = sql.SQL(
        "select (select count(*) from {staged} where ctid <= %(at)s::tid), {columns} from {staged} where ctid = %(at)s::tid"
    )
    record, *values = connection.execute(
        query.format(columns=sql.SQL(", ").join(map(sql.Identifier, columns)), staged=staged(table)),
        {"at": ctid},
    ).fetchone() or (0,)
    return record, ", ".join(shown(value or "") for value in values)
