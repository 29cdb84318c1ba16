"""The tables of the peer: events with the states before and after, holdings, months of clients.

They are loaded once, as an analyst would do it. Nothing keeps them up to date.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.peers.duck import TABLES, connect, currencies, view

if TYPE_CHECKING:
    from pathlib import Path

ANY_PACKAGE = 65535
"""The number under which the table of holdings has the first package of a client."""
_KINDS = ("usage", "refill", "package_renewal", "package_activation", "transfer", "adjustment")

_CLIENTS = """
    create table clients as
    select
        (row_number() over (order by client_type, owner_id nulls last, client_id))::integer as cid,
        client_id, client_type, owner_id,
        (list_position($currencies, currency) - 1)::utinyint as currency,
        epoch_us(created_at) as created_us, epoch_us(closed_at) as closed_us
    from raw_clients
    order by cid
"""
_PACKAGES = """
    create table packages as
    select package_id, name, (row_number() over (order by package_id) - 1)::usmallint as package
    from raw_packages
"""
_TAGS = """
    create table client_tags as
    select tag, cid from raw_client_tags join clients using (client_id) order by tag, cid
"""
_EVENTS = """
    create table events as
    with everything as (
        select client_id, epoch_us(occurred_at) as us, (list_position($kinds, kind) - 1)::utinyint as kind,
            (amount * 1000000)::bigint as amount, package_id, transaction_id
        from raw_transactions
        where voided_at is null
        union all
        select client_id, created_us, 100, 0, null, '' from clients
        union all
        select client_id, closed_us, 101, 0, null, '' from clients where closed_us is not null
    ),
    known as (
        select cid, currency, us, kind, amount, package, transaction_id,
            us >= created_us as is_created, closed_us is null or us < closed_us as is_open,
            amount < 0 and kind in (0, 2, 3) as is_paid
        from everything
        join clients using (client_id)
        left join packages using (package_id)
    ),
    states as (
        select *,
            coalesce(lead(us) over w, 9223372036854775807) as until_us,
            (sum(amount) over w)::bigint as total,
            coalesce(max(case when is_paid then us end) over w, 0) as last_paid
        from known
        window w as (partition by cid order by us, transaction_id rows unbounded preceding)
    ),
    open_states as (
        select cid, currency, us, until_us, kind, amount, package, transaction_id,
            is_open::tinyint as member,
            (is_open and is_created)::tinyint as created,
            case when is_open then total else 0 end as balance,
            case when is_open then last_paid else 0 end as paid
        from states
    )
    select
        cid, currency, us, until_us, kind, amount, package, member, created, balance, paid,
        coalesce(lag(member) over w, 0)::tinyint as old_member,
        coalesce(lag(created) over w, 0)::tinyint as old_created,
        coalesce(lag(balance) over w, 0) as old_balance,
        coalesce(lag(paid) over w, 0) as old_paid
    from open_states
    window w as (partition by cid order by us, transaction_id)
    order by cid, us, transaction_id
"""
_HOLDINGS = f"""
    create table holdings as
    with held as (
        select cid, package, min(us) as since_us from events
        where kind in (2, 3) and package is not null
        group by 1, 2
    )
    select cid, package, since_us from held
    union all
    select cid, {ANY_PACKAGE}, min(since_us) from held group by 1
    order by 1, 2
"""
_DAILY_RATES = """
    create table daily_rates as
    select currencies.number::utinyint as currency, day, coalesce(rate::double, 1) as rate
    from (select unnest($currencies) as currency, generate_subscripts($currencies, 1) - 1 as number) as currencies
    cross join (
        select unnest(generate_series(min(us) // 86400000000, max(us) // 86400000000)) as day from events
        where kind < 100
    ) as days
    asof left join raw_exchange_rates as rates
        on rates.currency = currencies.currency and date '1970-01-01' + day::integer >= rates.valid_from
"""
_MONTHS = """
    create table months as
    with dated as (
        select *, rowid as place,
            epoch_us(date_trunc('month', make_timestamp(us))) as month,
            case when paid = 0 then 0 else epoch_us(date_trunc('month', make_timestamp(paid))) end as paid_month
        from events
    ),
    ends as (
        select *, lead(month) over (partition by cid order by place) as next_month from dated
        qualify next_month is distinct from month
    ),
    states as (
        select cid, currency, month as us, coalesce(next_month, 9223372036854775807) as until_us,
            member, created, balance, paid_month as paid,
            coalesce(lag(member) over w, 0)::tinyint as old_member,
            coalesce(lag(created) over w, 0)::tinyint as old_created,
            coalesce(lag(balance) over w, 0) as old_balance,
            coalesce(lag(paid_month) over w, 0) as old_paid
        from ends
        window w as (partition by cid order by place)
    ),
    flows as (
        select cid, month as us, {sums}
        from dated
        join daily_rates using (currency)
        where day = dated.us // 86400000000 and kind <= 3
        group by 1, 2
    )
    select states.*, {columns}
    from states left join flows using (cid, us)
    order by cid, us
"""


def prepare(folder: Path, file: Path, base_currency: str) -> None:
    """Load the Parquet files of a folder into a DuckDB file, once."""
    if file.exists():
        return
    began = time.monotonic()
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    connection = connect(str(draft))
    for table in TABLES:
        view(connection, folder, table)
    kinds = range(4)
    sums = [f"count(*) filter (kind = {kind}) as quantity_{kind}" for kind in kinds]
    sums += [f"sum(amount * rate / 1e6) filter (kind = {kind}) as value_{kind}" for kind in kinds]
    columns = [f"coalesce(quantity_{kind}, 0)::integer as quantity_{kind}" for kind in kinds]
    columns += [f"coalesce(value_{kind}, 0) as value_{kind}" for kind in kinds]
    known = {"currencies": currencies(connection, base_currency)}
    connection.execute(_CLIENTS, known)
    connection.execute(_PACKAGES)
    connection.execute(_TAGS)
    connection.execute(_EVENTS, {"kinds": list(_KINDS)})
    connection.execute(_HOLDINGS)
    connection.execute(_DAILY_RATES, known)
    connection.execute(_MONTHS.format(sums=", ".join(sums), columns=", ".join(columns)))
    connection.execute("create table exchange_rates as from raw_exchange_rates")
    connection.execute("create table currencies as select unnest($currencies) as currency", known)
    for table in TABLES:
        connection.execute(f"drop view raw_{table}")
    connection.execute(
        "create table load as select $seconds as seconds", {"seconds": time.monotonic() - began}
    )
    connection.execute("checkpoint")
    connection.close()
    draft.rename(file)
