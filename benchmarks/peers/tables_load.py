"""The prepared tables of the peer: events with the states before and after them, holdings, and clients' months.

They are loaded once, as an analyst would. Nothing keeps them up to date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.parquet_files import KINDS, connect, currencies

if TYPE_CHECKING:
    from pathlib import Path

FLOWS = ("refill", "usage", "package_activation", "package_renewal")

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
