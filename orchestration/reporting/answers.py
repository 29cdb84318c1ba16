"""What the marts say of one query: the statements of `sql/` with their parameters.

Each question is answered exactly in one of three ways. All clients of a type are answered by the daily marts, and by
facts only for what lies between a UTC midnight and a boundary. Some of the clients, or groups, are answered by these
clients' months, where the periods are months or nearly so, and by facts for what lies beside; else by their facts alone.
"""

from datetime import datetime
from typing import Any, Literal, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.cells import SumRow
from orchestration.reporting.clients_kept import clients_behind
from orchestration.reporting.days import (
    Unit,
    by_utc_months,
    near_utc_months,
    strip_beside,
    utc_day,
    utc_month,
    whole_days_and_rests,
)
from orchestration.reporting.groups import Groups
from orchestration.reporting.marts import Build
from orchestration.reporting.money import closing_date
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import Period
from orchestration.reporting.resolve import Filters
from orchestration.reporting.statements import statement

Way = Literal["type", "months", "facts"]
"""Which of the three answers a query."""


class Answers:
    """The answers of the current marts (`reporting.marts`) to one query, over its known periods."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        query: ReportQuery,
        base_currency: str,
        filters: Filters,
        groups: Groups,
        known: list[Period],
        build: Build,
    ) -> None:
        self._connection = connection
        self._groups = groups
        self._way = way_of(filters, groups, known)
        self._is_priced = query.currency == base_currency == build.base_currency
        self._parameters = (
            scope_parameters(query, filters, groups)
            | {"currency": query.currency, "base_currency": base_currency}
            | (_of_periods(known, self._way) if known else {})
        )
        self._known = known

    def groups_in_scope(self) -> list[int]:
        """The groups that the table shows: all but packages that no client in scope holds (spec 7)."""
        if self._groups.labels == (None,):
            return [1]
        return sorted(number for (number,) in self._ask("client_groups"))

    def sums(self) -> list[SumRow]:
        """The cohorts at every known period's end, and the flows in it, as items of the report (spec 5)."""
        return [SumRow(*row) for row in (*self._cohorts(), *self._flows())]

    def _cohorts(self) -> list[TupleRow]:
        parts = {
            "type": {
                "cohorts": "cohorts_from_closings",
                "closings": "type_closings",
                "strip_events": "type_strip_events",
                "lapses": f"type_lapses_by_{'month' if by_utc_months(self._known) else 'state'}",
            },
            "months": {
                "cohorts": "cohorts_from_closings",
                "closings": "client_closings",
                "strip_events": "client_strip_events",
                "lapses": "client_lapses",
                "all_states": "month_end_states",
            },
            "facts": {"cohorts": "client_cohorts"},
        }
        return self._ask("converted", sums="cohort_items", **parts[self._way])

    def _flows(self) -> list[TupleRow]:
        if self._way == "type":
            return self._ask("converted", sums="type_flows")
        if self._way == "months" and self._is_priced:
            rows = self._ask("converted", sums="client_flows_by_month")
            # Where a rate is missing, the facts can say which.
            if not any(SumRow(*row).missing_currency is not None for row in rows):
                return rows
        return self._ask("converted", sums="client_flows")

    def data_interval(self) -> tuple[datetime, datetime] | None:
        """First and last instant of the transactions used that lie in the interval (spec 9)."""
        for first, last in self._ask("type_data_interval" if self._way == "type" else "client_data_interval"):
            if first is not None:
                return first, last
        return None

    def clients_behind(self, shown: list[int]) -> bytes | None:
        """Who is behind the cells of the groups that are `shown`, as Parquet; None when they are too many to keep."""
        if not self._known:
            return None
        parameters = self._parameters | _at(self._parameters["ends"])
        return clients_behind(self._connection, scoped(self._groups, "clients_behind"), parameters, shown)

    def _ask(self, name: str, **parts: str) -> list[TupleRow]:
        return (
            self._connection.execute(scoped(self._groups, name, **parts), self._parameters).fetchall()
            if self._known
            else []
        )


def way_of(filters: Filters, groups: Groups, known: list[Period]) -> Way:
    """Which way a query over those periods is answered."""
    if groups.everyone and not filters.owner_ids and not filters.client_tags:
        return "type"
    return "months" if near_utc_months(known) else "facts"


def scoped(groups: Groups, name: str, **parts: str) -> LiteralString:
    """A statement of `sql/` about the members of those groups."""
    return statement(name, members=f"members_{groups.who}", **parts)


def scope_parameters(query: ReportQuery, filters: Filters, groups: Groups) -> dict[str, Any]:
    """What `sql/scope.sql` is asked with: who is in scope, and in which group."""
    return {
        "client_type": query.client_type,
        "owner_ids": filters.owner_ids,
        "client_tags": filters.client_tags,
        "everyone": groups.everyone,
        "group_numbers": [number for number, _ in groups.members],
        "group_package_ids": [package_id for _, package_id in groups.members],
        "no_package_group": groups.no_package,
    }


def _of_periods(known: list[Period], way: Way) -> dict[str, Any]:
    """The known periods as arrays, and the UTC days or months and the strips beside them that make them up."""
    days, rests = whole_days_and_rests(known)
    unit: Unit = utc_month if way == "months" else utc_day
    ends = [period.end for period in known]
    closings = [strip_beside(period.end, unit) for period in known]
    month_starts = [strip_beside(period.start, unit).begin for period in known]
    # Between two periods lies one strip; the first closes none, the last opens none.
    beside = [strip_beside(known[0].start, unit), *closings]
    return {
        "periods": len(known),
        "starts": [period.start for period in known],
        "ends": ends,
        "closing_dates": [closing_date(period.end) for period in known],
        "active_since": [period.active_since for period in known],
        "first_start": known[0].start,
        "first_end": known[0].end,
        "last_end": known[-1].end,
        "lapses_apart": way == "months",
        "whole_day_periods": [number for number, _, _ in days],
        "whole_day_starts": [first for _, first, _ in days],
        "whole_day_ends": [after for _, _, after in days],
        "rest_periods": [number for number, _, _ in rests],
        "rest_starts": [start for _, start, _ in rests],
        "rest_ends": [end for _, _, end in rests],
        "strip_starts": [strip.start for strip in closings],
        "strip_ends": [strip.end for strip in closings],
        "strip_signs": [strip.sign for strip in closings],
        "month_starts": month_starts,
        "month_ends": [strip.begin for strip in closings],
        "flow_strip_starts": [strip.start for strip in beside],
        "flow_strip_ends": [strip.end for strip in beside],
        "flow_strip_signs": [strip.sign for strip in beside],
        "flow_strip_closes": [*range(len(known) + 1)],
        "flow_strip_opens": [*range(1, len(known) + 2)],
    } | _at(ends if way == "facts" else [strip.begin for strip in closings])


def _at(closing_instants: list[datetime]) -> dict[str, Any]:
    """The instants at which states are asked for, one a period."""
    return {
        "closing_instants": closing_instants,
        "first_closing": closing_instants[0],
        "last_closing": closing_instants[-1],
    }
