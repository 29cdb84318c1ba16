"""DuckDB for both peers: connections, raw tables, temporary tables, visible groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from benchmarks.peers.peer_query import PeerQuery

TABLES = ("clients", "client_tags", "packages", "transactions", "exchange_rates")
_CSV = {
    "clients": "* replace (created_at::timestamptz as created_at), null::timestamptz as closed_at",
    "client_tags": "*",
    "packages": "*",
    "transactions": "* replace (occurred_at::timestamptz as occurred_at, voided_at::timestamptz as voided_at,"
    " amount::decimal(18, 6) as amount)",
    "exchange_rates": "* replace (valid_from::date as valid_from, rate::decimal(38, 18) as rate)",
}
_CURRENCIES = """
    select currency from (select currency from raw_clients union select currency from raw_exchange_rates)
    where currency <> $base order by 1
"""


def connect(file: str = ":memory:", *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Return a connection on two threads."""
    connection = duckdb.connect(file, read_only=read_only)
    connection.execute("set threads = 2; set timezone = 'UTC'; set enable_progress_bar = false")
    return connection


def view(connection: duckdb.DuckDBPyConnection, folder: Path, table: str) -> None:
    """Create the view `raw_TABLE` of a table's Parquet file."""
    source = str(folder / f"{table}.parquet").replace("'", "''")
    connection.execute(f"create view raw_{table} as from '{source}'")


def parquet_from_csv(extract: Path, folder: Path) -> None:
    """Write the tables of an extract as Parquet files, in the order of their rows.

    No client is closed.
    """
    connection = connect()
    for table, columns in _CSV.items():
        rows = f"select {columns} from read_csv($csv, header = true, nullstr = '', all_varchar = true)"
        target = str(folder / f"{table}.parquet").replace("'", "''")
        connection.execute(
            f"copy ({rows}) to '{target}' (format parquet, parquet_version v2)",
            {"csv": str(extract / f"{table}.csv")},
        )


def currencies(connection: duckdb.DuckDBPyConnection, base: str) -> list[str]:
    """Return all currencies of the raw tables, the base currency first."""
    return [base, *(currency for (currency,) in connection.execute(_CURRENCIES, {"base": base}).fetchall())]


def create_table(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Create a temporary table, or replace it."""
    connection.register("rows", table)
    connection.execute(f"create or replace temp table {name} as from rows")
    connection.unregister("rows")


def visible_groups(connection: duckdb.DuckDBPyConnection, query: PeerQuery, clients: str) -> list[int]:
    """Return the numbers of the groups that have a client.

    `clients` is the relation of all clients in scope.
    """
    if not query.question.by_package:
        return [0]
    counted = connection.execute(
        "select group_number, count(*), count(*) filter (n = 0) from members group by 1"
    ).fetchall()
    counts = {group_number: (count, first) for group_number, count, first in counted}
    visible = sorted(group_number for group_number in counts if group_number != query.subtracted)
    if query.with_rest:
        [(in_scope,)] = connection.execute(f"select count(*) from {clients}").fetchall()
        # A client without a package at the end of the first period is in the last group.
        if in_scope > counts.get(query.subtracted, (0, 0))[1]:
            visible.append(query.group_count - 1)
    return visible
