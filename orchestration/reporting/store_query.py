"""One report query against the report store: its parameters, its temporary tables, its results."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.reporting import statements
from orchestration.reporting.period_slots import build_slots, create_slot_table
from orchestration.reporting.plan import Source, choose_source
from orchestration.reporting.store_parameters import PeriodParameters, QueryParameters, set_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.builds.store import Build
    from orchestration.reporting.groups import Groups
    from orchestration.reporting.name_lookup import ResolvedFilters
    from orchestration.reporting.parameters import ReportQuery
    from orchestration.reporting.periods import Period

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

_DRILLDOWN_BATCH_ROWS = 100_000

_CURRENCIES = "select currency, code from currencies order by currency"

# `scoped_events` is the view of the events that a report reads. It is one of the next three.
_CREATE_LAPSES_OF_TYPE = """
    create or replace temp view scoped_events as
    select * from lapses where client_type = getvariable('query').client_type
"""
_CREATE_EVENTS_OF_TYPE = """
    create or replace temp view scoped_events as
    select * from events where client_type = getvariable('query').client_type
"""
# The condition on the type changes no row. It lets DuckDB skip the row groups of other types.
_CREATE_EVENTS_OF_CLIENTS = """
    create or replace temp view scoped_events as
    select events.* from events inner join chosen_clients using (client)
    where events.client_type = getvariable('query').client_type
"""


class StoreSums(NamedTuple):
    """The sums that the store computes for a report, by currency."""

    changes: pa.Table
    """The changes of the cohorts at each period (`sql/cohort_changes.sql`)."""
    closing_cohorts: pa.Table | None
    """The cohorts All and Overall Active at each period's end, if the daily marts have them.

    `changes` then holds only the states in which clients can lapse.
    """
    flows: pa.Table
    """Transactions by group, period, kind, currency and UTC day (`sql/flows_of_….sql`)."""

    def currencies(self) -> set[str]:
        """Return the currencies that occur in the sums."""
        tables = (self.changes, self.closing_cohorts, self.flows)
        return {code for rows in tables if rows is not None for code in rows["currency"].unique().to_pylist()}


class StoreQuery:
    """A query of one build's report store over the known periods of a report.

    `cursor` has its own temporary tables and variables. `cursor.interrupt()` ends its statement.
    """

    def __init__(
        self,
        build: Build,
        query: ReportQuery,
        filters: ResolvedFilters,
        groups: Groups,
        known_periods: Sequence[Period],
    ) -> None:
        build.run_once(statements.MACROS)
        self.cursor = build.cursor()
        self._groups = groups
        self._known_periods = known_periods
        self._currency_codes = build.cached(_CURRENCIES, lambda: _load_currency_codes(build))
        self._source = choose_source(build, query.client_type, filters, groups, known_periods)
        set_parameters(
            self.cursor,
            QueryParameters(
                client_type=query.client_type,
                owner_ids=filters.owner_ids,
                client_tags=filters.client_tags,
                is_whole_scope=groups.is_whole_scope,
                no_package_group=groups.no_package,
            ),
            self._create_period_tables() if known_periods else None,
        )
        self._create_events_view = self._create_client_tables(filters)
        self._has_states = False

    def group_numbers(self) -> list[int]:
        """Return the groups that the table shows: all except packages without a client in scope."""
        if self._groups.labels == (None,):
            return [1]
        if not self._known_periods:
            return []
        return sorted(row[0] for row in self._fetch("select distinct group_number from members"))

    def owners(self) -> list[tuple[str, str]]:
        """Return the id and name of each reseller that owns a client in scope at a period's end."""
        return [(owner_id, name) for owner_id, name in self._fetch(statements.OWNERS_IN_SCOPE)]

    def sums(self) -> StoreSums:
        """Return the sums from which the cells are computed."""
        self._create_states()
        changes = self._fetch_table(statements.COHORT_CHANGES)
        if self._source is Source.DAILY_MARTS:
            closing_cohorts = self._fetch_table(statements.CLOSING_COHORTS)
            return StoreSums(changes, closing_cohorts, self._fetch_table(statements.FLOWS_OF_DAYS))
        flows = statements.FLOWS_OF_SCOPE if self._groups.is_whole_scope else statements.FLOWS_OF_MEMBERS
        return StoreSums(changes, None, self._fetch_table(flows))

    def data_interval(self, sums: StoreSums) -> tuple[datetime, datetime] | None:
        """Return the instants of the first and last transaction used; None if there is none.

        (definition: Data interval)
        """
        if self._source is Source.DAILY_MARTS:
            rows = self._fetch(statements.DAILY_DATA_INTERVAL)
        elif self._groups.is_whole_scope:
            is_transaction = pc.not_equal(sums.flows["kind"].cast(pa.string()), "created")
            transactions = sums.flows.filter(is_transaction)
            rows = [(pc.min(transactions["first_at"]).as_py(), pc.max(transactions["last_at"]).as_py())]
        else:
            self.cursor.execute(self._create_events_view)
            rows = self._fetch(statements.DATA_INTERVAL)
        return next(((first, last) for first, last in rows if first is not None), None)

    def drilldown_clients(self) -> pa.RecordBatchReader:
        """Return the clients behind the cells of the cohorts (`sql/drilldown_clients.sql`)."""
        if self._source is Source.DAILY_MARTS:
            # The sums came from the daily marts. Clients are only in the events.
            self.cursor.execute("drop table if exists states")
            self.cursor.execute(self._create_events_view)
            self.cursor.execute(statements.STATES)
        else:
            self._create_states()
        return self.cursor.sql(statements.DRILLDOWN_CLIENTS).to_arrow_reader(_DRILLDOWN_BATCH_ROWS)

    def _create_period_tables(self) -> PeriodParameters:
        """Create the look-up tables of the known periods. Return their other parameters."""
        first, last = self._known_periods[0], self._known_periods[-1]
        ends = [_to_microseconds(period.end) for period in self._known_periods]
        active_since = [_to_microseconds(period.active_since) for period in self._known_periods]
        # The last period can be very short. Then two period ends are in one slot. So the statements
        # compare with the last end, and with the first and last active_since, separately.
        end_slots = build_slots(ends[:-1], min(_to_microseconds(first.start), ends[0]), ends[-1])
        active_slots = build_slots(active_since[1:-1], active_since[0], active_since[-1])
        create_slot_table(self.cursor, "end_slots", end_slots)
        create_slot_table(self.cursor, "active_slots", active_slots)
        return PeriodParameters(
            count=len(self._known_periods),
            first_start=first.start,
            first_end=first.end,
            last_end=last.end,
            last_date=(last.end - _MICROSECOND).date(),
            first_active_since=first.active_since,
            last_active_since=last.active_since,
            first_end_slot=end_slots.first,
            last_end_slot=end_slots.last,
            first_active_slot=active_slots.first,
            last_active_slot=active_slots.last,
        )

    def _create_client_tables(self, filters: ResolvedFilters) -> str:
        """Create `scope` and `members`. Return the statement that creates their `scoped_events`."""
        has_filter = bool(filters.owner_ids or filters.client_tags)
        kind = "table" if has_filter else "view"
        self.cursor.execute(f"create temp {kind} scope as from clients_in_scope()")
        if self._groups.is_whole_scope:
            # `owners_in_scope.sql` mentions this table, so it must exist.
            self.cursor.execute("create temp table members (client integer, last_period integer)")
        else:
            self._create_members()
            if self._known_periods and self._groups.no_package is None:
                self.cursor.execute("create temp table chosen_clients as select distinct client from members")
                return _CREATE_EVENTS_OF_CLIENTS
        if not has_filter:
            return _CREATE_EVENTS_OF_TYPE
        self.cursor.execute("create temp view chosen_clients as select client from scope")
        return _CREATE_EVENTS_OF_CLIENTS

    def _create_members(self) -> None:
        group_numbers = [number for number, _ in self._groups.members]
        package_ids = [package_id for _, package_id in self._groups.members]
        rows = pa.table(
            {
                "group_number": pa.array(group_numbers, pa.int32()),
                "package_id": pa.array(package_ids, pa.string()),
            }
        )
        self.cursor.register("group_rows", rows)
        self.cursor.execute(
            "create temp table group_packages as"
            " select group_number, package from group_rows inner join packages using (package_id)"
        )
        self.cursor.unregister("group_rows")
        if self._known_periods:
            self.cursor.execute(statements.MEMBERS)

    def _create_states(self) -> None:
        if self._has_states:
            return
        if self._source is Source.DAILY_MARTS:
            # The daily marts have all clients that ever paid. Only lapses are missing.
            self.cursor.execute(_CREATE_LAPSES_OF_TYPE)
        else:
            self.cursor.execute(self._create_events_view)
        self.cursor.execute(statements.STATES)
        if not self._groups.is_whole_scope:
            self.cursor.execute(statements.STATES_OF_MEMBERS)
        self._has_states = True

    def _fetch(self, statement: str) -> list[tuple[Any, ...]]:
        return self.cursor.execute(statement).fetchall()

    def _fetch_table(self, statement: str) -> pa.Table:
        """Return the rows of a statement, with codes of currencies instead of their numbers."""
        rows = self.cursor.sql(statement).to_arrow_table().combine_chunks()
        numbers = rows["currency"].cast(pa.int32()).combine_chunks()
        codes = pa.DictionaryArray.from_arrays(numbers, self._currency_codes)
        return rows.set_column(rows.column_names.index("currency"), "currency", codes)


def _to_microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _load_currency_codes(build: Build) -> pa.Array:
    """Return the code of each currency number. There is no number 0."""
    codes = dict(build.rows(_CURRENCIES))
    return pa.array([codes.get(number) for number in range(max(codes, default=0) + 1)], pa.string())
