"""One query to the report store: its parameters as temporary tables and variables, its statements, their rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

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
        self._source = source_of(filters, groups, known)
        self._is_filtered = bool(filters.owner_ids or filters.client_tags) or not groups.everyone
        asked = {
            "client_type": query.client_type,
            "owner_ids": filters.owner_ids,
            "client_tags": filters.client_tags,
            "is_everyone": groups.everyone,
            "no_package_group": groups.no_package,
        }
        set_variables(self.cursor, asked=asked | (self._periods(known) if known else {}))
        if groups.everyone:
            # Statements name the table, whether or not they read it.
            self.cursor.execute("create temp table members (client integer, last_period integer)")
        else:
            self._prepare_members()
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

    def data_interval(self) -> tuple[datetime, datetime] | None:
        """Return the instants of the first and the last transaction used that lie in the interval."""
        if not self._known:
            return None
        if self._source == "daily marts":
            found = self._rows(
                "select min(first_at), max(last_at) from daily_spans where client_type = getvariable('asked').client_type"
                " and utc_date >= cast(getvariable('asked').first_start as date)"
                " and utc_date < cast(getvariable('asked').last_end as date)"
            )
        else:
            self._use_events()
            found = self._rows(statement("data_interval"))
        return next(((first, last) for first, last in found if first is not None), None)

    def clients_behind(self) -> pa.RecordBatchReader:
        """Return the clients behind the cohorts' cells (`sql/clients_behind.sql`), in batches."""
        if self._source == "daily marts":
            # The sums of the daily marts name no client.
            self.cursor.execute("drop table if exists states")
            self._use_events()
            self._run("states")
        else:
            self._make_states()
        return self.cursor.sql(statement("clients_behind")).to_arrow_reader(100_000)

    def _periods(self, known: Sequence[Period]) -> dict[str, Any]:
        """Create the look-up tables of the periods, and return what else the statements ask of them."""
        ends = [_microseconds(period.end) for period in known]
        since = [_microseconds(period.active_since) for period in known]
        # The first start can lie anywhere, within a second of the next: it is compared by itself.
        slots = create_slots(self.cursor, "end", cut_slots(ends[:-1], until=ends[-1]))
        slots |= create_slots(self.cursor, "active", cut_slots(since[1:], already=1))
        return slots | {
            "periods": len(known),
            "first_start": known[0].start,
            "first_end": known[0].end,
            "last_end": known[-1].end,
            "first_active_since": known[0].active_since,
            "last_dates": [(period.end - _MICROSECOND).date() for period in known],
        }

    def _prepare_members(self) -> None:
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
            self.cursor.execute("create or replace temp view scoped_events as from lapses_of_type()")
        else:
            self._use_events()
        self._run("states")
        if not self._groups.everyone:
            self._run("states_of_members")
        self._states_made = True

    def _use_events(self) -> None:
        source = "events_of_scope" if self._is_filtered else "events_of_type"
        self.cursor.execute(f"create or replace temp view scoped_events as from {source}()")

    def _run(self, name: Statement) -> None:
        self.cursor.execute(statement(name))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.cursor.execute(query).fetchall()

    def _table(self, name: Statement) -> pa.Table:
        return self.cursor.sql(statement(name)).to_arrow_table()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND
