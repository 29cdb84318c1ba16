"""The report by DuckDB from sorted tables that this peer prepares.

The tables have events with states, holdings and months of clients. An analyst loads them once.
Nothing updates them when a transaction is corrected. The months are used if all boundaries are
UTC month starts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.peers.cells import PeerReport, make_report
from benchmarks.peers.duck import connect, create_table, visible_groups
from benchmarks.peers.edges import cohort_sums
from benchmarks.peers.flows import flow_sums, month_flow_sums
from benchmarks.peers.peer_query import PeerQuery, PeriodTable, make_peer_query
from benchmarks.peers.rates import Rates
from benchmarks.peers.tables_load import ANY_PACKAGE, prepare
from benchmarks.skewed_clients import DAY

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.random_questions import Question

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEMBERS = """
    create or replace temp table members as
    with first as (
        select cid, group_number, min(since_us) as us
        from holdings join chosen using (package)
        where since_us < {last_end} and {scope}
        group by 1, 2
    )
    select cid, group_number, period_table.n, period_table.since, period_table.ends
    from first join instants as period_table on period_table.step = {step}
"""


class TablesPeer:
    """Reports from a DuckDB file of prepared tables."""

    name = "DuckDB on its own tables"

    def __init__(self, file: Path, folder: Path, as_of: datetime, base_currency: str = "USD") -> None:
        prepare(folder, file, base_currency)
        self._as_of = as_of
        self._connection = connect(str(file), read_only=True)
        self._currencies = [
            currency for (currency,) in self._connection.execute("from currencies").fetchall()
        ]
        self.load_seconds: float = self._connection.execute("from load").fetchall()[0][0]
        self._rates = Rates(self._connection, "exchange_rates", self._currencies)
        self._packages = self._connection.execute("select package_id, name, package from packages").fetchall()

    def report(self, question: Question) -> PeerReport:
        """Answer the question."""
        connection = self._connection
        packages = [(package, name) for package, name, _ in self._packages]
        query = make_peer_query(question, packages, self._as_of)
        period_table = PeriodTable("instants", query.periods.boundaries, query.periods.active_since)
        period_table.create(connection)
        scope = self._scope(question)
        visible = self._create_members(query, period_table, scope)
        by_months = is_by_months(query)
        cohorts = cohort_sums(
            connection,
            query,
            period_table,
            states="months" if by_months else "events",
            scope=scope,
            # The shortest active duration: months of 28 days, less one day for a clock change.
            can_lapse=f"until_us - paid > {(28 * question.duration - 1) * DAY}",
            currencies=len(self._currencies),
        )
        self._rates.create(connection, query, scale=1e-6)
        if by_months and question.currency in ("", self._currencies[0]):
            flows = month_flow_sums(connection, query, period_table, scope=scope)
        else:
            flows = flow_sums(
                connection, query, period_table, moves="events", scope=scope, value="amount * rate"
            )
        closing = self._rates.into(question.currency, query.periods.closing_days)
        return make_report(query, cohorts, flows, closing, visible)

    def _scope(self, question: Question) -> str:
        """Return a SQL condition with ranges of `cid`: clients are numbered by type and owner."""
        where = "client_type = $client_type"
        values: dict[str, str | list[str]] = {"client_type": question.client_type}
        if question.owners:
            where += " and owner_id in (select unnest($owners))"
            values["owners"] = list(question.owners)
        ranges = self._connection.execute(
            f"select min(cid), max(cid) from clients where {where} group by {'owner_id' if question.owners else 'all'}",
            values,
        ).fetchall()
        if not ranges:
            return "false"
        scope = " or ".join(f"cid between {first} and {last}" for first, last in ranges)
        if not question.tags:
            return f"({scope})"
        self._connection.execute(
            f"create or replace temp table tagged as select distinct cid from client_tags"
            f" where tag in (select unnest($tags)) and ({scope})",
            {"tags": list(question.tags)},
        )
        return f"({scope}) and cid in (from tagged)"

    def _create_members(self, query: PeerQuery, period_table: PeriodTable, scope: str) -> list[int]:
        """Create the table of the clients in each group, and return the visible groups."""
        if query.everyone:
            return [0]
        numbers = {package: number for package, _, number in self._packages}
        chosen = [(numbers[package], group_number) for package, group_number in query.chosen.items()]
        if query.with_rest:
            chosen.append((ANY_PACKAGE, query.subtracted))
        table = {
            "package": [number for number, _ in chosen],
            "group_number": [group_number for _, group_number in chosen],
        }
        create_table(self._connection, "chosen", pa.table(table))
        text = _MEMBERS.format(
            last_end=period_table.boundaries[-1], scope=scope, step=period_table.step_of("us")
        )
        self._connection.execute(text)
        return visible_groups(self._connection, query, f"(select cid from clients where {scope})")


def is_by_months(query: PeerQuery) -> bool:
    """Return True if all boundaries are the first instants of UTC months."""
    instants = {*query.periods.boundaries, *query.periods.active_since}
    times = (_EPOCH + timedelta(microseconds=instant) for instant in instants)
    return all(
        (time.day, time.hour, time.minute, time.second, time.microsecond) == (1, 0, 0, 0, 0) for time in times
    )
