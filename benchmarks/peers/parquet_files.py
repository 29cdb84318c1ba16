"""The report by DuckDB from Parquet files of the raw tables, with nothing prepared.

The transactions of each client are summed by period, and running sums give the balances. States
have the numbers of periods instead of instants: an event of period n is at n, and a period ends at
the number of the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.peers.cells import PeerReport, make_report
from benchmarks.peers.duck import TABLES, connect, create_table, currencies, view, visible_groups
from benchmarks.peers.edges import cohort_sums
from benchmarks.peers.flows import flow_sums
from benchmarks.peers.peer_query import PeerQuery, PeriodTable, make_peer_query
from benchmarks.peers.rates import Rates

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from benchmarks.random_questions import Question

_KIND = """
    case kind when 'usage' then 0 when 'refill' then 1 when 'package_renewal' then 2
        when 'package_activation' then 3 else 4 end
"""
_SCOPE = """
    create or replace temp table scope as
    with chosen_clients as (
        select
            client_id, (row_number() over ())::integer as cid,
            (list_position($currencies, currency) - 1)::tinyint as currency,
            epoch_us(created_at) as created_us, epoch_us(closed_at) as closed_us
        from raw_clients
        where client_type = $client_type {by_owner} {by_tag}
    )
    select client_id, cid, currency, created_us,
        coalesce(closing.n, 2147483647) as closed_n, coalesce(creation.n, 2147483647) as created_n
    from chosen_clients
    left join instants as closing on closed_us < {last_end} and closing.step = {closed_step}
    left join instants as creation on created_us < {last_end} and creation.step = {created_step}
"""
_MEMBERS = """
    create or replace temp table members as
    with held as (
        select cid, package_id, min(epoch_us(occurred_at)) as us
        from raw_transactions join scope using (client_id)
        where voided_at is null and kind in ('package_activation', 'package_renewal') and package_id is not null
            and occurred_at < make_timestamptz({last_end})
        group by 1, 2
    ),
    first as (
        select cid, group_number, min(us) as us from held join chosen on chosen.package = held.package_id group by 1, 2
        {holders}
    )
    select cid, group_number, period_table.n, period_table.since, period_table.n + 1 as ends
    from first join instants as period_table on period_table.step = {step}
"""
_ALL_HOLDERS = "union all select cid, {group_number}, min(us) from held group by 1"
_ONLY_MEMBERS = "delete from scope where cid not in (select cid from members)"
# Amounts become integers before they are summed. A sum of wide decimals would be slower.
_SUMMED = """
    with summed as (
        select cid, {n} as n, sum(amount)::bigint as amount, max(case when is_paid then us end) as paid
        from (
            select cid, closed_n, epoch_us(occurred_at) as us, (amount * 1000000)::bigint as amount,
                amount < 0 and kind in ('usage', 'package_activation', 'package_renewal') as is_paid
            from raw_transactions join scope using (client_id)
            where voided_at is null and occurred_at < make_timestamptz({last_end})
            union all
            select cid, closed_n, created_us, 0, false from scope where created_us < {last_end}
        ) as moved {period_table}
        where {before_closing}
        group by 1, 2
    )
"""
_STATES_OF_ONE_PERIOD = """
    create or replace temp table states as {summed}
    select cid, currency, 0 as us, 2147483647 as until_us,
        1::tinyint as member, (created_us < {last_end})::tinyint as created, amount as balance, coalesce(paid, 0) as paid,
        0::tinyint as old_member, 0::tinyint as old_created, 0 as old_balance, 0 as old_paid
    from summed join scope using (cid)
"""
# Paid services of later periods are later, so the last known one is the latest.
_STATES = """
    create or replace temp table states as {summed},
    states as (
        select cid, n, amount, paid,
            sum(amount) over w as balance,
            lead(n) over w as next_n,
            lag(n) over w is not null as has_before,
            lag(paid ignore nulls) over w as old_paid
        from summed
        window w as (partition by cid order by n rows unbounded preceding)
    )
    select cid, currency, states.n as us, least(coalesce(next_n, 2147483647), closed_n) as until_us,
        1::tinyint as member, (states.n >= created_n)::tinyint as created,
        balance::bigint as balance, coalesce(paid, old_paid, 0) as paid,
        has_before::tinyint as old_member, (states.n > created_n)::tinyint as old_created,
        (balance - amount)::bigint as old_balance, coalesce(old_paid, 0) as old_paid,
        coalesce(paid, old_paid, 0) < last.since as can_lapse
    from states
    join scope using (cid)
    join period_starts as last on last.n = least(coalesce(next_n, 2147483647), closed_n, {periods} - 1)
"""
_CLOSINGS = """
    insert into states
    select cid, currency, until_us, 2147483647, 0, 0, 0, 0, member, created, balance, paid, false
    from states join scope using (cid, currency)
    where until_us = closed_n and closed_n < {periods}
"""
_MOVES = """(
    select cid, currency, epoch_us(occurred_at) as us, {kind} as kind, package_id as package, amount
    from raw_transactions join scope using (client_id)
    where voided_at is null and occurred_at >= make_timestamptz({first}) and occurred_at < make_timestamptz({last})
        and kind in ('usage', 'refill', 'package_renewal', 'package_activation')
)"""


class ParquetPeer:
    """Reports from a folder of Parquet files."""

    name = "DuckDB on Parquet"

    def __init__(self, folder: Path, as_of: datetime, base_currency: str = "USD") -> None:
        self._as_of = as_of
        self._connection = connect()
        for table in TABLES:
            view(self._connection, folder, table)
        self._currencies = currencies(self._connection, base_currency)

    def report(self, question: Question) -> PeerReport:
        """Answer the question."""
        connection = self._connection
        packages = connection.execute("select package_id, name from raw_packages").fetchall()
        query = make_peer_query(question, packages, self._as_of)
        rates = Rates(connection, "raw_exchange_rates", self._currencies)
        instants = PeriodTable("instants", query.periods.boundaries, query.periods.active_since)
        instants.create(connection)
        self._create_scope(query, instants)
        visible = self._create_members(query, instants)
        numbers = PeriodTable("numbers", list(range(instants.count + 1)), instants.since)
        numbers.create(connection)
        self._create_states(instants)
        cohorts = cohort_sums(
            connection,
            query,
            numbers,
            states="states",
            scope="true",
            can_lapse="can_lapse",
            currencies=len(self._currencies),
        )
        rates.create(connection, query, scale=1)
        moves = _MOVES.format(kind=_KIND, first=instants.boundaries[0], last=instants.boundaries[-1])
        flows = flow_sums(
            connection, query, instants, moves=moves, scope="true", value="amount::double * rate"
        )
        closing = rates.into(question.currency, query.periods.closing_days)
        return make_report(query, cohorts, flows, closing, visible)

    def _create_scope(self, query: PeerQuery, instants: PeriodTable) -> None:
        """Create the table of the clients in scope. `closed_n`: the first period after closing."""
        question = query.question
        by_tag = (
            "and client_id in (select client_id from raw_client_tags where tag in (select unnest($tags)))"
        )
        text = _SCOPE.format(
            by_owner="and owner_id in (select unnest($owners))" if question.owners else "",
            by_tag=by_tag if question.tags else "",
            last_end=instants.boundaries[-1],
            closed_step=instants.step_of("closed_us"),
            created_step=instants.step_of("created_us"),
        )
        values = {"currencies": self._currencies, "client_type": question.client_type}
        values |= {"owners": list(question.owners)} if question.owners else {}
        values |= {"tags": list(question.tags)} if question.tags else {}
        self._connection.execute(text, values)

    def _create_members(self, query: PeerQuery, instants: PeriodTable) -> list[int]:
        """Create the table of the clients in each group, and return the visible groups."""
        if query.everyone:
            return [0]
        connection = self._connection
        chosen = {"package": list(query.chosen), "group_number": list(query.chosen.values())}
        create_table(connection, "chosen", pa.table(chosen))
        text = _MEMBERS.format(
            last_end=instants.boundaries[-1],
            step=instants.step_of("us"),
            holders=_ALL_HOLDERS.format(group_number=query.subtracted) if query.with_rest else "",
        )
        connection.execute(text)
        visible = visible_groups(connection, query, "scope")
        if not query.with_rest:
            connection.execute(_ONLY_MEMBERS)
        return visible

    def _create_states(self, instants: PeriodTable) -> None:
        """Create the table of the state of each client after each period with an event."""
        connection = self._connection
        [(any_closed,)] = connection.execute(
            "select count(*) > 0 from scope where closed_n < 2147483647"
        ).fetchall()
        many = instants.count > 1
        n = "period_table.n" if many else "0"
        last_end = instants.boundaries[-1]
        summed = _SUMMED.format(
            n=n,
            period_table=f"join instants as period_table on period_table.step = {instants.step_of('us')}"
            if many
            else "",
            before_closing=f"{n} < closed_n" if any_closed else "true",
            last_end=last_end,
        )
        if not many:
            connection.execute(_STATES_OF_ONE_PERIOD.format(summed=summed, last_end=last_end))
            return
        since = np.array(instants.since, dtype=np.int64)
        create_table(connection, "period_starts", pa.table({"n": np.arange(len(since)), "since": since}))
        connection.execute(_STATES.format(summed=summed, periods=instants.count))
        if any_closed:
            connection.execute(_CLOSINGS.format(periods=instants.count))
