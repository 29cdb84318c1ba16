"""The report by DuckDB from its own sorted tables: events with states, holdings, and clients' months where they are exact.

An analyst loads them once. Nothing keeps them up to date when a transaction is corrected.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.peers.asked import Asked, Clock, make_asked
from benchmarks.peers.cells import PeerReport, make_report
from benchmarks.peers.duck import connect, create_table, shown_slots
from benchmarks.peers.edges import cohort_sums
from benchmarks.peers.flows import flow_sums, month_flow_sums
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
        select cid, slot, min(since_us) as us
        from holdings join chosen using (package)
        where since_us < {last_end} and {scope}
        group by 1, 2
    )
    select cid, slot, clock.n, clock.since, clock.ends
    from first join instants as clock on clock.step = {step}
"""


class TablesPeer:
    """Reports from a DuckDB file of prepared tables."""

    name = "DuckDB on its own tables"

    def __init__(self, file: Path, folder: Path, as_of: datetime, base_currency: str = "USD") -> None:
        prepare(folder, file, base_currency)
        self._as_of = as_of
        self._connection = connect(str(file), read_only=True)
        self._currencies = [each for (each,) in self._connection.execute("from currencies").fetchall()]
        self.load_seconds: float = self._connection.execute("from load").fetchall()[0][0]
        self._rates = Rates(self._connection, "exchange_rates", self._currencies)
        self._packages = self._connection.execute("select package_id, name, package from packages").fetchall()

    def report(self, question: Question) -> PeerReport:
        """Answer the question."""
        connection = self._connection
        packages = [(package, name) for package, name, _ in self._packages]
        asked = make_asked(question, packages, self._as_of)
        clock = Clock("instants", asked.periods.boundaries, asked.periods.active_since)
        clock.create(connection)
        scope = self._scope(question)
        shown = self._create_members(asked, clock, scope)
        by_months = is_by_months(asked)
        cohorts = cohort_sums(
            connection,
            asked,
            clock,
            states="months" if by_months else "events",
            scope=scope,
            # Months have at least 28 days, and a clock's changes take less than a day.
            can_lapse=f"until_us - paid > {(28 * question.duration - 1) * DAY}",
            currencies=len(self._currencies),
        )
        self._rates.create(connection, asked, scale=1e-6)
        if by_months and question.currency in ("", self._currencies[0]):
            flows = month_flow_sums(connection, asked, clock, scope=scope)
        else:
            flows = flow_sums(connection, asked, clock, moves="events", scope=scope, value="amount * rate")
        closing = self._rates.into(question.currency, asked.periods.closing_days)
        return make_report(asked, cohorts, flows, closing, shown)

    def _scope(self, question: Question) -> str:
        """Return SQL that chooses the clients. Clients are numbered by type and owner, so that ranges do mostly."""
        where = "client_type = $client_type"
        given: dict[str, str | list[str]] = {"client_type": question.client_type}
        if question.owners:
            where += " and owner_id in (select unnest($owners))"
            given["owners"] = list(question.owners)
        ranges = self._connection.execute(
            f"select min(cid), max(cid) from clients where {where} group by {'owner_id' if question.owners else 'all'}",
            given,
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

    def _create_members(self, asked: Asked, clock: Clock, scope: str) -> list[int]:
        """Create the table of the clients in each slot, when there are packages; return the slots that are shown."""
        if asked.everyone:
            return [0]
        numbers = {package: number for package, _, number in self._packages}
        chosen = [(numbers[package], slot) for package, slot in asked.chosen.items()]
        if asked.with_rest:
            chosen.append((ANY_PACKAGE, asked.subtracted))
        table = {"package": [number for number, _ in chosen], "slot": [slot for _, slot in chosen]}
        create_table(self._connection, "chosen", pa.table(table))
        text = _MEMBERS.format(last_end=clock.boundaries[-1], scope=scope, step=clock.step_of("us"))
        self._connection.execute(text)
        return shown_slots(self._connection, asked, f"(select cid from clients where {scope})")


def is_by_months(asked: Asked) -> bool:
    """Return whether all boundaries are the first instants of UTC months."""
    instants = {*asked.periods.boundaries, *asked.periods.active_since}
    found = (_EPOCH + timedelta(microseconds=each) for each in instants)
    return all(
        (each.day, each.hour, each.minute, each.second, each.microsecond) == (1, 0, 0, 0, 0) for each in found
    )
