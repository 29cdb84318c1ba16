"""The engine: a query and the current marts make a report.

Postgres does the counting and summing over clients and transactions; what comes back is one row a group, period
and currency (a day too, for flows), which is then converted and laid out as the table.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.cells import CohortRow, Conversions, FlowRow, block_cells
from orchestration.reporting.days import whole_days_and_strips
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.marts import current_marts
from orchestration.reporting.money import closing_date, converter
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import Period, cut
from orchestration.reporting.report import Report
from orchestration.reporting.resolve import Filters, resolve_filters
from orchestration.reporting.statements import statement
from orchestration.reporting.table import METRICS, Block, Cell, ReportTable

NO_PACKAGE = "No package"


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups of a report: numbered from 1, each with its label (None for the one group of a plain report)."""

    labels: tuple[str | None, ...]
    numbers_and_packages: tuple[tuple[int, str], ...]
    no_package: int | None

    @property
    def everyone(self) -> bool:
        """Whether the one group is every client in scope, whatever it holds."""
        return not self.numbers_and_packages and self.no_package is None


def make_report(
    connection: Connection[TupleRow],
    query: ReportQuery,
    *,
    base_currency: str,
    moment: datetime | None = None,
) -> Report:
    """The report that `query` asks for, from the current build of the marts (spec 2 to 7).

    `moment` is when named intervals are resolved: the scheduled moment, or now. Raises RequestError for an unknown
    name or an interval that ends before it begins, MissingRate, and DynamicsError when there are no marts.
    """
    began = time.monotonic()
    query = query.model_copy(update={"currency": query.currency or base_currency})
    interval = resolve_interval(query, moment or datetime.now(UTC))
    with current_marts(connection) as build:
        filters = resolve_filters(connection, query, base_currency)
        periods = cut(query, interval, build.as_of)
        known = [period for period in periods if period.known]
        groups = _groups(query, filters)
        answer = _Answer(connection, query, filters, groups, known)
        shown = answer.groups_in_scope()
        cohorts, flows = answer.cohorts(), answer.flows()
        rates = converter(
            connection,
            query.currency or base_currency,
            base_currency,
            {(row.currency, closing_date(known[row.period - 1].end)) for row in cohorts if row.clients}
            | {(row.currency, row.utc_date) for row in flows},
        )
        data_interval = answer.data_interval()
    conversions = Conversions(rates, [closing_date(period.end) for period in known], len(periods))
    cells = {
        number: block_cells(
            conversions,
            [row for row in cohorts if row.group_number == number],
            [row for row in flows if row.group_number == number],
        )
        for number in shown
    }
    return Report(
        query=query,
        interval=interval,
        table=_table(query, groups, periods, cells),
        as_of=build.as_of,
        build_id=build.build_id,
        data_interval=data_interval,
        computed_in=timedelta(seconds=time.monotonic() - began),
    )


def _groups(query: ReportQuery, filters: Filters) -> _Groups:
    if not query.by_package:
        return _Groups((None,), tuple((1, package.package_id) for package in filters.packages or []), None)
    packages = filters.all_packages if filters.packages is None else filters.packages
    numbered = tuple((number, package.package_id) for number, package in enumerate(packages, start=1))
    labels = tuple(package.name for package in packages)
    if filters.packages is not None:
        return _Groups(labels, numbered, None)
    return _Groups((*labels, NO_PACKAGE), numbered, len(packages) + 1)


def _table(
    query: ReportQuery,
    groups: _Groups,
    periods: tuple[Period, ...],
    cells: dict[int, tuple[tuple[Cell, ...], ...]],
) -> ReportTable:
    """Groups as blocks over the periods, or as the columns of one block when there is no time group (spec 7)."""
    labels = {number: groups.labels[number - 1] for number in sorted(cells)}
    if query.by_package and query.time_group is None:
        columns = tuple(label or "" for label in labels.values())
        merged = tuple(
            tuple(cell for number in labels for cell in cells[number][row]) for row in range(len(METRICS))
        )
        return ReportTable(columns, (Block(None, merged),))
    return ReportTable(
        columns=tuple(period.label for period in periods),
        blocks=tuple(Block(label, cells[number]) for number, label in labels.items()),
        by_package=query.by_package,
    )


class _Answer:
    """What the marts say of one query: the statements, with their parameters, by the cheapest exact way."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        query: ReportQuery,
        filters: Filters,
        groups: _Groups,
        known: list[Period],
    ) -> None:
        self._connection = connection
        self._known = known
        self._groups = groups
        self._by_type_alone = groups.everyone and filters.owner_ids is None and filters.client_tags is None
        if not known:
            return
        days, strips = whole_days_and_strips(known)
        self._parameters: dict[str, Any] = {
            "client_type": query.client_type,
            "owner_ids": filters.owner_ids,
            "client_tags": filters.client_tags,
            "everyone": groups.everyone,
            "group_numbers": [number for number, _ in groups.numbers_and_packages],
            "group_package_ids": [package_id for _, package_id in groups.numbers_and_packages],
            "no_package_group": groups.no_package,
            "periods": len(known),
            "starts": [period.start for period in known],
            "ends": [period.end for period in known],
            "active_since": [period.active_since for period in known],
            "first_start": known[0].start,
            "first_end": known[0].end,
            "last_end": known[-1].end,
            "day_periods": [number for number, _, _ in days],
            "first_days": [first for _, first, _ in days],
            "after_days": [after for _, _, after in days],
            "strip_periods": [number for number, _, _ in strips],
            "strip_starts": [start for _, start, _ in strips],
            "strip_ends": [end for _, _, end in strips],
        }

    def groups_in_scope(self) -> list[int]:
        """The groups that the table shows: all but packages that no client in scope holds (spec 7)."""
        if self._groups.labels == (None,):
            return [1]
        return [number for (number,) in self._run(statement("groups", scope="scope"))]

    def cohorts(self) -> list[CohortRow]:
        """The cohorts at every known period's end, a row a group and currency."""
        states = "month_states" if self._by_type_alone and self._month_aligned() else "client_states"
        rows = self._run(statement("cohorts", scope="scope", states=states))
        return [CohortRow(*row) for row in rows]

    def flows(self) -> list[FlowRow]:
        """The flows of every known period, a row a group, kind, currency and UTC date."""
        text = statement("day_flows") if self._by_type_alone else statement("client_flows", scope="scope")
        return [FlowRow(*row) for row in self._run(text)]

    def data_interval(self) -> tuple[datetime, datetime] | None:
        """First and last instant of the transactions used that lie in the interval (spec 9)."""
        for first, last in self._run(statement("data_interval", scope="scope")):
            if first is not None:
                return first, last
        return None

    def _month_aligned(self) -> bool:
        """Whether all boundaries are UTC month starts, which the monthly mart is exact for."""
        instants = [instant for period in self._known for instant in (period.end, period.active_since)]
        return all(
            instant.astimezone(UTC)
            == instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            for instant in instants
        )

    def _run(self, text: Any) -> list[TupleRow]:
        return self._connection.execute(text, self._parameters).fetchall() if self._known else []
