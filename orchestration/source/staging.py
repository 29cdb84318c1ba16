"""Staging: a file of an extract is copied as text into a table of its own and checked there.

Bad rows are rare. `require_valid` therefore only finds out in one pass whether any row breaks a
rule that `billing` does not enforce. If it does, or if `billing` rejects a row, `raise_first_error`
looks for the first bad row, rule by rule.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from orchestration.domain import ClientType, TransactionKind
from orchestration.errors import RequestError
from orchestration.progress import Progress
from orchestration.source.contract import Rule, Table
from orchestration.source.files import (
    ExtractFile,
    abbreviate,
    find_format_error,
    find_line,
    read_chunks,
    read_header,
)

_UNIQUE = Rule("occurrence > 1", "is on an earlier line too. Keep one of the lines")


class InvalidRowsFound(Exception):
    """At least one staged row breaks the contract."""


class _CheckedRule(NamedTuple):
    """A rule, and the columns that it checks."""

    columns: tuple[str, ...]
    rule: Rule


def staging_table(table: Table) -> sql.Identifier:
    """Return the name of the table that `stage` fills."""
    return sql.Identifier("dynamics", f"staged_{table.name}")


def stage(connection: psycopg.Connection[Any], file: ExtractFile, progress: Progress | None) -> None:
    """Create the staging table of the file and fill it: all columns as text, null where empty.

    The rows keep the order of the file. The caller must drop the table in the same transaction.
    Raise RequestError when the file is not a CSV file of its table.
    """
    names = read_header(file)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    definitions = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in names)
    # Parallel workers cannot read temporary tables. Only this transaction sees the table anyway.
    connection.execute(
        sql.SQL("create unlogged table {} ({})").format(staging_table(file.table), definitions)
    )
    copy_in = sql.SQL("copy {} ({}) from stdin (format csv, encoding 'UTF8', force_null ({}))")
    try:
        with (
            connection.cursor() as cursor,
            cursor.copy(copy_in.format(staging_table(file.table), columns, columns)) as copy,
        ):
            for chunk, done in read_chunks(file):
                copy.write(chunk)
                if progress:
                    progress(file.name, done, file.path.stat().st_size)
    except psycopg.DataError as error:
        raise _explain_format_error(file, len(names), error) from error
    connection.execute(sql.SQL("analyze {}").format(staging_table(file.table)))


def _explain_format_error(file: ExtractFile, width: int, error: psycopg.DataError) -> RequestError:
    format_error = find_format_error(file, width)
    if not format_error:
        # The line ends vary, or the encoding of the database lacks a character. Postgres counts
        # lines without the header.
        number = re.search(r"\d+", error.diag.context or "")
        format_error = int(number[0]) + 1 if number else 1, f"cannot be read: {error.diag.message_primary}"
    line, reason = format_error
    return RequestError(f"{file.name} line {line} {reason}. Nothing was loaded")


def require_valid(connection: psycopg.Connection[Any], table: Table, base_currency: str) -> None:
    """Check all staged rows against the rules that `billing` does not enforce.

    Raise InvalidRowsFound, or psycopg.DataError, when a row breaks one.
    """
    first_column_with: dict[tuple[Rule, ...], str] = {}
    conditions = []
    for column in table.columns:
        rules = tuple(rule for rule in column.rules if not rule.is_enforced)
        if not rules:
            continue
        condition = _or(_violation(_CheckedRule((column.name,), rule), base_currency) for rule in rules)
        first_column = first_column_with.setdefault(rules, column.name)
        if first_column != column.name:
            # Most rows have the same time in both columns, and need only one check.
            condition = sql.SQL("{} is distinct from {} and {}").format(
                sql.Identifier(column.name), sql.Identifier(first_column), condition
            )
        conditions.append(condition)
    # For `exists` Postgres would expect an early match and read with one process. A count reads
    # with several.
    query = sql.SQL("select count(*) from {} staged where {}").format(staging_table(table), _or(conditions))
    if connection.execute(query).fetchone() != (0,):
        raise InvalidRowsFound


def raise_first_error(connection: psycopg.Connection[Any], file: ExtractFile, base_currency: str) -> None:
    """Check all staged rows of `file` against all rules.

    Raise RequestError with the first row that breaks one. Return when there is none.
    """
    table = file.table
    checks = [*_column_rules(table), _CheckedRule(table.key, _UNIQUE)]
    cases = sql.SQL(" ").join(
        sql.SQL("when {} then {}").format(_violation(check, base_currency), number)
        for number, check in enumerate(checks[:-1])
    )
    query = sql.SQL(
        "select place, rule, count(*) over () from ("
        " select ctid as place, case {cases} end as rule from {staged} staged"
        " union all select place, {unique} from ("
        "  select ctid as place, row_number() over (partition by {key} order by ctid) as occurrence from {staged}"
        " ) keys where {is_repeated}"
        ") findings where rule is not null order by place, rule limit 1"
    ).format(
        cases=cases,
        staged=staging_table(table),
        unique=len(checks) - 1,
        is_repeated=sql.SQL(_UNIQUE.violation),
        # Keys must only be equal, and a comparison of bytes is faster than one of a language.
        key=sql.SQL(", ").join(sql.SQL('{} collate "C"').format(sql.Identifier(name)) for name in table.key),
    )
    if finding := connection.execute(query).fetchone():
        ctid, number, count = finding
        columns, rule = checks[number]
        record, values = _read_row(connection, table, ctid, columns)
        more = f" ({count - 1} more mistakes)" if count > 1 else ""
        raise RequestError(
            f"{file.name} line {find_line(file, record + 1)}, column {', '.join(columns)}:"
            f" {values} {rule.message}{more}. Nothing was loaded"
        )


def _or(conditions: Iterable[sql.Composable]) -> sql.Composed:
    parenthesized = (sql.SQL("({})").format(condition) for condition in conditions)
    return sql.SQL("({})").format(sql.SQL(" or ").join(parenthesized))


def _column_rules(table: Table) -> list[_CheckedRule]:
    return [_CheckedRule((column.name,), rule) for column in table.columns for rule in column.rules]


def _violation(check: _CheckedRule, base_currency: str) -> sql.Composed:
    (column,), rule = check
    return sql.SQL(rule.violation).format(
        value=sql.Identifier("staged", column),
        base_currency=sql.Literal(base_currency),
        client_types=sql.SQL(", ").join(sql.Literal(str(choice)) for choice in ClientType),
        transaction_kinds=sql.SQL(", ").join(sql.Literal(str(choice)) for choice in TransactionKind),
    )


def _read_row(
    connection: psycopg.Connection[Any], table: Table, ctid: str, columns: tuple[str, ...]
) -> tuple[int, str]:
    """Return the number of the row at `ctid` in the file, from 1, and its abbreviated values."""
    query = sql.SQL(
        "select (select count(*) from {staged} where ctid <= %(ctid)s::tid), {columns}"
        " from {staged} where ctid = %(ctid)s::tid"
    )
    record, *values = connection.execute(
        query.format(columns=sql.SQL(", ").join(map(sql.Identifier, columns)), staged=staging_table(table)),
        {"ctid": ctid},
    ).fetchone() or (0,)
    return record, ", ".join(abbreviate(value or "") for value in values)
