"""The Postgres queries of a publish. They are constant texts without parameters.

Amounts travel as whole millionths, because Postgres and Arrow exchange 64-bit numbers fast. Amounts
that do not fit travel as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from duckdb import DuckDBPyConnection

PACKAGES = "select package_id, name from marts.dim_packages"

EXCHANGE_RATES = "select currency, valid_from, rate::text as rate from marts.dim_exchange_rates"

CLIENTS = """
    select
        client_id, name, client_type, coalesce(owner_id, '') as owner_id, currency, created_at, tags
    from marts.fct_clients
"""

CHANGED_CLIENT_ROWS = f"""
    {CLIENTS}
    where client_id in (select client_id from marts.int_changed_clients where attributes_changed)
"""

CHANGED_CLIENTS = """
    select client_id, attributes_changed, coalesce(rebuild_from, '-infinity') as rebuild_from
    from marts.int_changed_clients
"""

CHANGED_DATES = """
    select distinct cast(occurred_at at time zone 'UTC' as date) as utc_date
    from marts.int_changed_events
"""

CHANGED_FLOW_DATES = """
    select distinct utc_date
    from (
        select client_type, currency, kind, cast(occurred_at at time zone 'UTC' as date) as utc_date
        from marts.int_changed_events
        group by 1, 2, 3, 4
        having sum(sign) <> 0 or sum(sign * amount) <> 0
    ) as changed
"""
"""UTC dates with changed sums of transactions. Another balance alone does not count."""

CHANGED_SPAN_DATES = """
    select distinct cast(occurred_at at time zone 'UTC' as date) as utc_date
    from (
        select client_type, occurred_at
        from marts.int_changed_events
        where kind <> 'created'
        group by 1, 2
        having sum(sign) <> 0
    ) as changed
"""
"""UTC dates with an instant that has more or fewer transactions than before."""

ROUGH_EVENT_COUNT = """
    select greatest(reltuples, 0) from pg_class where oid = to_regclass('marts.fct_client_events')
"""


def select_events(relation: str, *, is_wide: bool) -> str:
    """Return the query for the events in a table of `marts`, without superseded events."""
    amount, balance = (
        f"{column}::text" if is_wide else f"cast({column} * 1000000 as bigint)"
        for column in ("amount", "balance")
    )
    condition = "where sign = 1" if relation == "int_changed_events" else ""
    return f"""
        select
            client_id, occurred_at, valid_to, kind, package_id, {amount} as amount,
            {balance} as balance, last_paid_at, is_created
        from marts.{relation} {condition}
    """


def define_exact(duck: DuckDBPyConnection, *, is_wide: bool) -> None:
    """Define the macro `exact(amount)`, which turns a received amount into a decimal."""
    duck.execute(
        "create or replace temp macro exact(amount) as "
        + (
            "cast(amount as decimal(38, 6))"
            if is_wide
            else "cast(cast(amount as decimal(18, 0)) * cast(0.000001 as decimal(7, 6)) as decimal(18, 6))"
        )
    )


def select_flows(dates: Iterable[date] | None = None) -> str:
    """Return the query for the daily flows of these UTC dates, or of all dates."""
    condition = "true" if dates is None else f"utc_date = any('{{{','.join(map(str, dates))}}}'::date[])"
    return f"""
        select client_type, currency, utc_date, kind, quantity::bigint, amount::numeric(38, 6)::text as amount
        from marts.mart_flows_daily where {condition}
    """


def select_cohort_changes(from_date: date | None = None) -> str:
    """Return the query for the daily changes of the cohorts, from a UTC date on or all of them."""
    condition = f"utc_date >= date '{from_date}'" if from_date else "true"
    return f"""
        select
            client_type, cohort, currency, utc_date, created_clients::bigint,
            positive_clients::bigint, negative_clients::bigint, clients::bigint,
            positive_balance::numeric(38, 6)::text as positive_balance,
            negative_balance::numeric(38, 6)::text as negative_balance
        from marts.mart_cohort_changes
        where {condition} and cohort in ('all', 'overall_active')
    """


def number_clients(clients: str, parts: int) -> str:
    """Return the query for the clients with a number and a part, numbered by type, owner and id."""
    return f"""
        select
            cast(row_number() over (order by client_type, owner_id, client_id) as integer) as client,
            {_part_expression(parts)} as part,
            rows.*
        from ({clients}) as rows
    """


def add_part(query: str, parts: int) -> str:
    """Return the query for the rows of `query` with the part of each client."""
    return f"select {_part_expression(parts)} as part, rows.* from ({query}) as rows"


def _part_expression(parts: int) -> str:
    # md5 stays the same in all versions of Postgres. hashtext can change.
    return f"cast(1 + cast(('x' || substr(md5(client_id), 1, 7)) as bit(28)) :: integer % {parts} as integer)"
