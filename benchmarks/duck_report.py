"""The peer of `bench_marts`: the same report by DuckDB, in one go from Parquet of the raw tables.

Transactions are put into the periods' calendar units by arithmetic on dates, summed by client and unit, run up by client,
and what a client came to is counted into every period's end at which it holds. Rates are doubles, which is faster than
our exact ones and good to far more than a cent here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_TABLES = {
    "clients": "columns={client_id: 'varchar', name: 'varchar', client_type: 'varchar', owner_id: 'varchar',"
    " currency: 'varchar', created_at: 'timestamptz', updated_at: 'timestamptz'}",
    "client_tags": "columns={client_id: 'varchar', tag: 'varchar'}",
    "packages": "columns={package_id: 'varchar', name: 'varchar'}",
    "transactions": "columns={transaction_id: 'varchar', client_id: 'varchar', occurred_at: 'timestamptz',"
    " kind: 'varchar', amount: 'decimal(20,6)', package_id: 'varchar', updated_at: 'timestamptz', voided_at: 'timestamptz'}",
    "exchange_rates": "columns={currency: 'varchar', valid_from: 'date', rate: 'double'}",
}

_EVENTS = """
    with scope as (
        select client_id, currency, created_at from clients where client_type = 'client' and {clients}
    ),
    held as ({held}),
    unit as (
        select date_diff('{unit}', timestamp '{first}', occurred_at at time zone '{zone}') as n, t.*, scope.currency
        from transactions as t join scope using (client_id)
        where voided_at is null
    ),
"""

_COHORTS = (
    _EVENTS
    + """
    moves as (
        select client_id, greatest(n, -1) as n, sum(amount) as amount, 0 as created,
            max(case when kind in ('usage', 'package_activation', 'package_renewal') and amount < 0 then occurred_at end) as paid_at
        from unit group by 1, 2
        union all
        select client_id, greatest(date_diff('{unit}', timestamp '{first}', created_at at time zone '{zone}'), -1), 0, 1, null
        from scope
    ),
    summed as (select client_id, n, sum(amount) as amount, max(created) as created, max(paid_at) as paid_at from moves group by 1, 2),
    states as (
        select client_id, n, lead(n) over w as next_n, sum(amount) over w as balance, max(created) over w as created,
            max(paid_at) over w as paid_at
        from summed window w as (partition by client_id order by n)
    ),
    periods as (
        select i as n, timestamp '{first}' + i * interval 1 {unit} as s
        from generate_series(0, {periods} - 1) as g (i)
    ),
    at_ends as (
        select p.n, scope.currency, balance, created,
            paid_at is not null as has_paid, paid_at >= (s - interval {duration} month) at time zone '{zone}' as is_active
        from periods as p
        join states on states.n <= p.n and (states.next_n is null or states.next_n > p.n)
        join scope using (client_id)
        {held_at_end}
    ),
    sums as (
        select n, currency, cohort.name as cohort, sum(created) as qty, count(*) filter (balance > 0) as many_pos,
            sum(balance) filter (balance > 0) as pos, sum(balance) filter (balance < 0) as neg, sum(balance) as balance
        from at_ends, (values ('Clients - Active'), ('Clients - Overall Active'), ('Clients - All')) as cohort (name)
        where case cohort.name when 'Clients - Active' then is_active when 'Clients - Overall Active' then has_paid else true end
        group by 1, 2, 3
    ),
    closing as (
        select n, ((s + interval 1 {unit}) at time zone '{zone}' - interval 1 microsecond) at time zone 'UTC' as e from periods
    )
    select sums.n, cohort, sum(qty) as qty, sum(pos * coalesce(rate, 1)) as pos, sum(neg * coalesce(rate, 1)) as neg,
        sum(balance * coalesce(rate, 1)) as balance
    from sums join closing using (n)
    asof left join exchange_rates as r on r.currency = sums.currency and r.valid_from <= closing.e::date
    group by 1, 2
"""
)

_FLOWS = (
    _EVENTS
    + """
    days as (
        select unit.n, kind, currency, (occurred_at at time zone 'UTC')::date as day, count(*) as qty, sum(amount) as amount
        from unit
        {held_by_end}
        where n between 0 and {periods} - 1 and kind in ('refill', 'usage', 'package_activation', 'package_renewal') {packages}
        group by 1, 2, 3, 4
    )
    select n, kind, sum(qty) as qty, sum(amount * coalesce(rate, 1)) as total
    from days asof left join exchange_rates as r on r.currency = days.currency and r.valid_from <= days.day
    group by 1, 2
"""
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A report over whole calendar units that DuckDB can be asked too; `first` is the wall clock of its beginning."""

    first: str
    periods: int
    unit: str = "month"
    zone: str = "UTC"
    duration: int = 3
    owner: str = ""
    package: str = ""
    tags: tuple[str, ...] = ()


def parquet(extract: Path, folder: Path) -> None:
    """The extract's tables as Parquet, sorted as they come."""
    connection = _connect()
    for table, columns in _TABLES.items():
        connection.execute(
            f"copy (select * from read_csv('{extract / f'{table}.csv'}', header=true, nullstr='', {columns}))"
            f" to '{folder / f'{table}.parquet'}' (format parquet)"
        )


class DuckReports:
    """Reports from a folder of Parquet files, on two threads."""

    def __init__(self, folder: Path) -> None:
        self._connection = _connect()
        for table in _TABLES:
            self._connection.execute(f"create view {table} as select * from '{folder / f'{table}.parquet'}'")

    def report(self, asked: Asked) -> tuple[float, dict[tuple[int, str], tuple[float, ...]]]:
        """How many seconds it took, and by period (from 0) and cohort or kind: quantity, and the sums that it has."""
        began = time.perf_counter()
        cells = {
            (row[0], row[1]): row[2:]
            for text in (_COHORTS, _FLOWS)
            for row in self._connection.execute(_filled(text, asked)).fetchall()
        }
        return time.perf_counter() - began, cells


def _connect() -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2; set timezone = 'UTC'")
    return connection


def _filled(text: str, asked: Asked) -> str:
    clients = "true"
    if asked.owner:
        clients = f"owner_id = (select client_id from clients where name = '{asked.owner}')"
    if asked.tags:
        listed = ", ".join(f"'{tag}'" for tag in asked.tags)
        clients = f"client_id in (select client_id from client_tags where tag in ({listed}))"
    held = "select null as client_id, null as since limit 0"
    held_at_end = held_by_end = packages = ""
    if asked.package:
        package = f"(select package_id from packages where name = '{asked.package}')"
        held = (
            "select client_id, min(occurred_at) as since from transactions where voided_at is null"
            f" and kind in ('package_activation', 'package_renewal') and package_id = {package} group by 1"
        )
        end = (
            f"(timestamp '{asked.first}' + ({{n}} + 1) * interval 1 {asked.unit}) at time zone '{asked.zone}'"
        )
        held_at_end = f"join held using (client_id) where held.since < {end.format(n='p.n')}"
        held_by_end = (
            f"join held on held.client_id = unit.client_id and held.since < {end.format(n='unit.n')}"
        )
        packages = f"and (kind in ('refill', 'usage') or package_id = {package})"
    return text.format(
        clients=clients,
        held=held,
        held_at_end=held_at_end,
        held_by_end=held_by_end,
        packages=packages,
        unit=asked.unit,
        first=asked.first,
        zone=asked.zone,
        periods=asked.periods,
        duration=asked.duration,
    )
