"""What the marts say of one query: the statements of `sql/` with their parameters."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.cells import FLOWS, SumRow
from orchestration.reporting.clients_kept import clients_behind
from orchestration.reporting.groups import Groups
from orchestration.reporting.marts import Build
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import Period
from orchestration.reporting.resolve import Filters
from orchestration.reporting.statements import statement
from orchestration.reporting.ways import asked_at, parts_of, period_parameters, way_of

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
        build: Build,
    ) -> None:
        self._connection = connection
        self._groups = groups
        self._way = way_of(filters, groups, known)
        self._is_priced = query.currency == base_currency == build.base_currency
        self._parameters = (
            scope_parameters(query, filters, groups)
            | {"currency": query.currency, "base_currency": base_currency, "is_priced": self._is_priced}
            | (period_parameters(known, self._way) if known else {})
        )
        self._known = known

    def groups_in_scope(self) -> list[int]:
        """The groups that the table shows: all but packages that no client in scope holds (spec 7)."""
        if self._groups.labels == (None,):
            return [1]
        groups = "package_groups" if self._way == "packages" else "client_groups"
        return sorted(number for (number,) in self._ask(groups))

    def sums(self, numbers: Sequence[int]) -> Iterator[SumRow]:
        """The cohorts at every known period's end, and the flows in it, as items of the report (spec 5), of these groups.

        They are read as they come: a report by date has hundreds of thousands.
        """
        if not self._known:
            return
        groups = self._groups.only(numbers)
        match self._way:
            case "type":
                yield from self._priced(groups, "type_sums", "type_flows")
            case "packages":
                yield from self._priced(groups, "package_sums", "client_flows")
            case "months":
                yield from self._priced(groups, "client_sums_by_month", "client_flows")
            case "facts":
                yield from self._sums(groups, "cohort_items")
                yield from self._sums(groups, "client_flows")

    def _priced(self, groups: Groups, in_base: str, by_currency: str) -> Iterator[SumRow]:
        """What a statement says of cohorts, and of flows in the base currency, which marts have summed.

        Where the report is in another currency, or a rate is missing, the flows are those by currency: they say which.
        """
        rows = [*self._sums(groups, in_base)]
        flows = [row for row in rows if row.item in FLOWS]
        if self._is_priced and not any(row.missing_currency is not None for row in flows):
            yield from rows
        else:
            yield from (row for row in rows if row.item not in FLOWS)
            yield from self._sums(groups, by_currency)

    def _sums(self, groups: Groups, sums: str) -> Iterator[SumRow]:
        asking = scoped(groups, "converted", sums=sums, **parts_of(self._way, self._known))
        with self._connection.cursor() as cursor:
            rows = cursor.stream(asking, self._parameters | _of_groups(groups), size=_ROWS_IN_HAND)
            yield from map(SumRow._make, rows)

    def data_interval(self) -> tuple[datetime, datetime] | None:
        """First and last instant of the transactions used that lie in the interval (spec 9)."""
        if self._way == "type":
            rows = self._ask("type_data_interval")
        else:
            rows = self._ask("client_ends", among="among_candidates")
            if any(None in ends for ends in rows):
                rows = self._ask("client_data_interval")
        return next((ends for ends in rows if None not in ends), None)

    def clients_behind(self, shown: list[int]) -> bytes | None:
        """Who is behind the cells of the groups that are `shown`, as Parquet; None when they are too many to keep."""
        if not self._known:
            return None
        parameters = self._parameters | asked_at(self._parameters["ends"])
        return clients_behind(self._connection, scoped(self._groups, "clients_behind"), parameters, shown)

    def _ask(self, name: str, **parts: str) -> list[TupleRow]:
        return (
            self._connection.execute(scoped(self._groups, name, **parts), self._parameters).fetchall()
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
