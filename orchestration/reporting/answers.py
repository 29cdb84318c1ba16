"""What the marts say of one query: the statements of `sql/` with their parameters.

Each question has two statements that answer it exactly. `type_*` is for all clients of a type: it reads the daily
marts, and facts only for what lies between a UTC midnight and a boundary. `client_*` is for any filter and any
group: it reads the facts of the clients in scope.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.cells import SumRow
from orchestration.reporting.clients_kept import clients_behind
from orchestration.reporting.days import by_utc_months, strip_to_midnight, whole_days_and_rests
from orchestration.reporting.groups import Groups
from orchestration.reporting.money import closing_date
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import Period
from orchestration.reporting.resolve import Filters
from orchestration.reporting.statements import statement

_ROWS_IN_HAND = 1000


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
    ) -> None:
        self._connection = connection
        self._groups = groups
        self._way = "client" if filters.owner_ids or filters.client_tags or not groups.everyone else "type"
        self._parameters = (
            scope_parameters(query, filters, groups)
            | {"currency": query.currency, "base_currency": base_currency}
            | (_of_periods(known) if known else {})
        )
        self._known = known
        self._lapses = "lapses_by_month" if by_utc_months(known) else "lapses_by_state"

    def groups_in_scope(self) -> list[int]:
        """The groups that the table shows: all but packages that no client in scope holds (spec 7)."""
        if self._groups.labels == (None,):
            return [1]
        return sorted(number for (number,) in self._ask("client_groups"))

    def sums(self, numbers: Sequence[int]) -> Iterator[SumRow]:
        """The cohorts at every known period's end, and the flows in it, as items of the report (spec 5), of these groups.

        They are read as they come: a report by date has hundreds of thousands.
        """
        if not self._known:
            return
        groups = self._groups.only(numbers)
        parameters = self._parameters | _of_groups(groups)
        for sums in ("cohort_items", f"{self._way}_flows"):
            asking = scoped(
                groups, "converted", sums=sums, cohorts=f"{self._way}_cohorts", lapses=self._lapses
            )
            with self._connection.cursor() as cursor:
                yield from map(SumRow._make, cursor.stream(asking, parameters, size=_ROWS_IN_HAND))

    def data_interval(self) -> tuple[datetime, datetime] | None:
        """First and last instant of the transactions used that lie in the interval (spec 9)."""
        for first, last in self._ask(f"{self._way}_data_interval"):
            if first is not None:
                return first, last
        return None

    def clients_behind(self, shown: list[int]) -> bytes | None:
        """Who is behind the cells of the groups that are `shown`, as Parquet; None when they are too many to keep."""
        if not self._known:
            return None
        return clients_behind(
            self._connection, scoped(self._groups, "clients_behind"), self._parameters, shown
        )

    def _ask(self, name: str) -> list[TupleRow]:
        return (
            self._connection.execute(scoped(self._groups, name), self._parameters).fetchall()
            if self._known
            else []
        )


def scoped(groups: Groups, name: str, **parts: str) -> LiteralString:
    """A statement of `sql/` about the members of those groups."""
    return statement(name, members=f"members_{groups.who}", **parts)


def scope_parameters(query: ReportQuery, filters: Filters, groups: Groups) -> dict[str, Any]:
    """What `sql/scope.sql` is asked with: who is in scope, and in which group."""
    return {
        "client_type": query.client_type,
        "owner_ids": filters.owner_ids,
        "client_tags": filters.client_tags,
        **_of_groups(groups),
    }


def _of_groups(groups: Groups) -> dict[str, Any]:
    return {
        "everyone": groups.everyone,
        "group_numbers": [number for number, _ in groups.members],
        "group_package_ids": [package_id for _, package_id in groups.members],
        "no_package_group": groups.no_package,
    }


def _of_periods(known: list[Period]) -> dict[str, Any]:
    """The known periods as arrays, and the UTC days and strips that make them up."""
    days, rests = whole_days_and_rests(known)
    strips = [strip_to_midnight(period.end) for period in known]
    return {
        "periods": len(known),
        "starts": [period.start for period in known],
        "ends": [period.end for period in known],
        "closing_dates": [closing_date(period.end) for period in known],
        "active_since": [period.active_since for period in known],
        "first_start": known[0].start,
        "first_end": known[0].end,
        "last_end": known[-1].end,
        "whole_day_periods": [number for number, _, _ in days],
        "whole_day_starts": [first for _, first, _ in days],
        "whole_day_ends": [after for _, _, after in days],
        "rest_periods": [number for number, _, _ in rests],
        "rest_starts": [start for _, start, _ in rests],
        "rest_ends": [end for _, _, end in rests],
        "after_days": [strip.midnight.date() for strip in strips],
        "strip_starts": [strip.start for strip in strips],
        "strip_ends": [strip.end for strip in strips],
        "strip_signs": [strip.sign for strip in strips],
    }
