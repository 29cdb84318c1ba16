"""An extract's file on its way in: copied as text into a temporary table, and checked there."""

import re
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from orchestration.errors import RequestError
from orchestration.source.contract import Rule
from orchestration.source.files import ExtractFile, Progress, chunks, header, line_of, malformation, shown

_REPEATED = Rule("time > 1", "is there already, on an earlier line; a key may be there once")


def stage(connection: psycopg.Connection[Any], file: ExtractFile, progress: Progress | None) -> None:
    """Fills `pg_temp.TABLE`: the file's columns as text, null where empty, and `ordinal`, the record's place from 1.

    Must run inside a transaction, at whose end the table goes. Raises RequestError when the file is no CSV of its table.
    """
    names = header(file)
    table = sql.Identifier("pg_temp", file.table.name)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    texts = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in names)
    connection.execute(
        sql.SQL(
            "create temporary table {} (ordinal bigint generated always as identity, {}) on commit drop"
        ).format(sql.Identifier(file.table.name), texts)
    )
    copy_in = sql.SQL("copy {} ({}) from stdin (format csv, encoding 'UTF8', force_null ({}))")
    try:
        with connection.cursor() as cursor, cursor.copy(copy_in.format(table, columns, columns)) as copy:
            for chunk, done in chunks(file):
                copy.write(chunk)
                if progress:
                    progress(file.name, done, file.path.stat().st_size)
    except psycopg.DataError as error:
        raise _malformed(file, len(names), error) from error
    connection.execute(sql.SQL("analyze {}").format(table))


def _malformed(file: ExtractFile, width: int, error: psycopg.DataError) -> RequestError:
    if not (found := malformation(file, width)):
        # Form and characters are right, and Postgres still could not take it: line ends that vary, or a character
        # that the database's own encoding lacks. Its line numbers leave out the header, which it never saw.
        number = re.search(r"\d+", error.diag.context or "")
        found = int(number[0]) + 1 if number else 1, f"cannot be read: {error.diag.message_primary}"
    line, reason = found
    return RequestError(f"{file.name} line {line} {reason}; nothing was loaded")


def check(connection: psycopg.Connection[Any], file: ExtractFile, base_currency: str) -> None:
    """Holds every staged row of `file` to the contract. Raises RequestError that shows the first one that breaks it."""
    table = file.table
    rules = [((column.name,), rule) for column in table.columns for rule in column.rules]
    cases = sql.SQL(" ").join(
        sql.SQL("when {} then {}").format(_condition(column, rule, base_currency), number)
        for number, ((column,), rule) in enumerate(rules)
    )
    query = sql.SQL(
        "select ordinal, rule, count(*) over () from ("
        " select ordinal, case {cases} end as rule from {staged} staged"
        " union all select ordinal, {repeated} from ("
        "  select ordinal, row_number() over (partition by {key} order by ordinal) as time from {staged}"
        " ) keys where {is_repeated}"
        ") findings where rule is not null order by ordinal, rule limit 1"
    ).format(
        cases=cases,
        staged=sql.Identifier("pg_temp", table.name),
        repeated=len(rules),
        is_repeated=sql.SQL(_REPEATED.broken),
        # Bytes compare several times faster than words of a language, and keys only have to be equal.
        key=sql.SQL(", ").join(sql.SQL('{} collate "C"').format(sql.Identifier(name)) for name in table.key),
    )
    if finding := connection.execute(query).fetchone():
        ordinal, number, findings = finding
        columns, rule = [*rules, (table.key, _REPEATED)][number]
        more = f" (and {findings - 1} more)" if findings > 1 else ""
        raise RequestError(
            f"{file.name} line {line_of(file, ordinal + 1)}, column {', '.join(columns)}:"
            f" {_values(connection, file, ordinal, columns)} {rule.needed}{more}; nothing was loaded"
        )


def _condition(column: LiteralString, rule: Rule, base_currency: str) -> sql.Composed:
    value = sql.Identifier("staged", column)
    return sql.SQL(rule.broken).format(value=value, base_currency=sql.Literal(base_currency))


def _values(
    connection: psycopg.Connection[Any], file: ExtractFile, ordinal: int, columns: tuple[LiteralString, ...]
) -> str:
    query = sql.SQL("select {} from {} where ordinal = {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("pg_temp", file.table.name), ordinal
    )
    return ", ".join(shown(value or "") for value in connection.execute(query).fetchone() or ())
