"""One query to the report store: its parameters as temporary tables and variables, its statements, their rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.builds.store.duck import set_variables
from orchestration.reporting.period_slots import create_slots, cut_slots
from orchestration.reporting.plan import source_of
from orchestration.reporting.statements import Statement, statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.builds.store import Build
    from orchestration.reporting.groups import Groups
    from orchestration.reporting.parameters import ReportQuery
    from orchestration.reporting.periods import Period
    from orchestration.reporting.resolve import Filters

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


_CURRENCIES = "select currency, code from currencies order by currency"
_LAPSES_OF_TYPE = """
    create or replace temp view scoped_events as
    select * from lapses where client_type = getvariable('asked').client_type
"""
_EVENTS_OF_TYPE = """
    create or replace temp view scoped_events as
    select * from events where client_type = getvariable('asked').client_type
"""
# The type is asked for as well: stretches of a store hold one type, and the others are left unread.
_EVENTS_OF_CLIENTS = """
    create or replace temp view scoped_events as
    select events.* from events inner join chosen_clients using (client)
    where events.client_type = getvariable('asked').client_type
"""


class StoreSums(NamedTuple):
    """What the store sums for a report, by currency."""

    changes: pa.Table
    """What enters and leaves the cohorts at each period (`sql/cohort_changes.sql`)."""
    daily_cohorts: pa.Table | None
    """The cohorts All and Overall Active from the daily marts. `changes` are then those of the lapses."""
    flows: pa.Table
    """Transactions by group, period, kind, currency and UTC day."""

    def currencies(self) -> set[str]:
        """Return the currencies that have an amount."""
        tables = (self.changes, self.daily_cohorts, self.flows)
        return {name for rows in tables if rows is not None for name in rows["currency"].unique().to_pylist()}


class StoreQuery:
    """The answers of one build's report store to one query, over its known periods.

    `cursor` has temporary tables of its own. Interrupting it ends the statement that runs.
    """

    def __init__(
        self, build: Build, query: ReportQuery, filters: Filters, groups: Groups, known: Sequence[Period]
    ) -> None:
        build.once(statement("shared"))
        self.cursor = build.cursor()
        self._groups = groups
        self._known = known
        self._currencies = build.remember(_CURRENCIES, lambda: _currencies(build))
        self._source = source_of(build, query.client_type, filters, groups, known)
        asked = {
            "client_type": query.client_type,
            "owner_ids": filters.owner_ids,
            "client_tags": filters.client_tags,
            "is_everyone": groups.everyone,
            "no_package_group": groups.no_package,
        }
        set_variables(self.cursor, asked=asked | (self._periods(known) if known else {}))
        self._events = self._choose_clients(filters)
        self._states_made = False

    def groups_in_scope(self) -> list[int]:
        """Return the groups that the table shows: all but packages that no client in scope holds."""
        if self._groups.labels == (None,):
            return [1]
        if not self._known:
            return []
        return sorted(row[0] for row in self._rows("select distinct group_number from members"))

    def owners(self) -> list[tuple[str, str]]:
        """Return the id and name of every reseller that owns a client in scope at some period's end."""
        return [(owner_id, name) for owner_id, name in self._rows(statement("owners_in_scope"))]

    def sums(self) -> StoreSums:
        """Return the sums that the cells are made of."""
        self._make_states()
        changes = self._table("cohort_changes")
        if self._source == "daily marts":
            return StoreSums(changes, self._table("daily_cohorts"), self._table("flows_by_day"))
        flows = self._table("flows_of_everyone" if self._groups.everyone else "flows_of_members")
        return StoreSums(changes, None, flows)

    def data_interval(self, sums: StoreSums) -> tuple[datetime, datetime] | None:
        """Return the instants of the first and the last transaction used that lie in the interval."""
        if self._source == "daily marts":
            found = self._rows(
                "select min(first_at), max(last_at) from daily_spans where client_type = getvariable('asked').client_type"
                " and utc_date >= cast(getvariable('asked').first_start as date)"
                " and utc_date <= getvariable('asked').last_date"
            )
        elif self._groups.everyone:
            of_transactions = sums.flows.filter(pc.not_equal(sums.flows["kind"].cast(pa.string()), "created"))
            first, last = (of_transactions[column] for column in ("first_at", "last_at"))
            found = [(pc.min(first).as_py(), pc.max(last).as_py())]
        else:
            self.cursor.execute(self._events)
            found = self._rows(statement("data_interval"))
        return next(((first, last) for first, last in found if first is not None), None)

    def clients_behind(self) -> pa.RecordBatchReader:
        """Return the clients behind the cohorts' cells (`sql/clients_behind.sql`), in batches."""
        if self._source == "daily marts":
            # The sums of the daily marts name no client.
            self.cursor.execute("drop table if exists states")
            self.cursor.execute(self._events)
            self._run("states")
        else:
            self._make_states()
        return self.cursor.sql(statement("clients_behind")).to_arrow_reader(100_000)

    def _periods(self, known: Sequence[Period]) -> dict[str, Any]:
        """Create the look-up tables of the periods, and return what else the statements ask of them."""
        ends = [_microseconds(period.end) for period in known]
        since = [_microseconds(period.active_since) for period in known]
        first_start = _microseconds(known[0].start)
        # The data can end an instant after a period begins, so the last ones are compared by themselves.
        end_slots = cut_slots(ends[:-1], min(first_start, ends[0]), ends[-1])
        active_slots = cut_slots(since[1:-1], since[0], since[-1])
        create_slots(self.cursor, "end", end_slots)
        create_slots(self.cursor, "active", active_slots)
        return {
            "first_end_slot": end_slots.first,
            "last_end_slot": end_slots.last,
            "first_active_slot": active_slots.first,
            "last_active_slot": active_slots.last,
            "periods": len(known),
            "first_start": known[0].start,
            "first_end": known[0].end,
            "last_end": known[-1].end,
            "first_active_since": known[0].active_since,
            "last_active_since": known[-1].active_since,
            "last_date": (known[-1].end - _MICROSECOND).date(),
        }

    def _choose_clients(self, filters: Filters) -> str:
        """Create the tables of clients in scope and of members. Return the view of their events."""
        has_filter = bool(filters.owner_ids or filters.client_tags)
        kind = "table" if has_filter else "view"
        self.cursor.execute(f"create temp {kind} scope as from clients_in_scope()")
        if self._groups.everyone:
            # Statements name the table, whether or not they read it.
            self.cursor.execute("create temp table members (client integer, last_period integer)")
        else:
            self._create_members()
            if self._known and self._groups.no_package is None:
                self.cursor.execute("create temp table chosen_clients as select distinct client from members")
                return _EVENTS_OF_CLIENTS
        if not has_filter:
            return _EVENTS_OF_TYPE
        self.cursor.execute("create temp view chosen_clients as select client from scope")
        return _EVENTS_OF_CLIENTS

    def _create_members(self) -> None:
        rows = pa.table(
            {
                "group_number": pa.array([number for number, _ in self._groups.members], pa.int32()),
                "package_id": pa.array([package for _, package in self._groups.members], pa.string()),
            }
        )
        self.cursor.register("group_rows", rows)
        self.cursor.execute(
            "create temp table group_packages as"
            " select group_number, package from group_rows inner join packages using (package_id)"
        )
        self.cursor.unregister("group_rows")
        if self._known:
            self._run("members")

    def _make_states(self) -> None:
        if self._states_made:
            return
        if self._source == "daily marts":
            # Whoever has not lapsed is in the sums of the daily marts.
            self.cursor.execute(_LAPSES_OF_TYPE)
        else:
            self.cursor.execute(self._events)
        self._run("states")
        if not self._groups.everyone:
            self._run("states_of_members")
        self._states_made = True

    def _run(self, name: Statement) -> None:
        self.cursor.execute(statement(name))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.cursor.execute(query).fetchall()

    def _table(self, name: Statement) -> pa.Table:
        """Return the rows of a statement, with the codes of currencies for their numbers."""
        rows = self.cursor.sql(statement(name)).to_arrow_table().combine_chunks()
        numbers = rows["currency"].cast(pa.int32()).combine_chunks()
        codes = pa.DictionaryArray.from_arrays(numbers, self._currencies)
        return rows.set_column(rows.column_names.index("currency"), "currency", codes)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _currencies(build: Build) -> pa.Array:
    """Return the code of each currency number. There is no number 0."""
    codes = dict(build.rows(_CURRENCIES))
    return pa.array([codes.get(number) for number in range(max(codes, default=0) + 1)], pa.string())
