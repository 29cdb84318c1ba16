"""The engine: a query and the current marts make a report.

Postgres does the counting and summing over clients and transactions; what comes back is one row a group, period
and currency (a day too, for flows), which is then converted and laid out as the table.
"""

import time
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.answers import Answers
from orchestration.reporting.cells import Conversions, block_cells
from orchestration.reporting.groups import Groups, groups_of
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.marts import current_marts
from orchestration.reporting.money import closing_date, converter
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import Period, cut
from orchestration.reporting.report import Report
from orchestration.reporting.resolve import resolve_filters
from orchestration.reporting.table import METRICS, Block, Cell, ReportTable


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
        groups = groups_of(query, filters)
        answer = Answers(connection, query.client_type, filters, groups, known)
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


def _table(
    query: ReportQuery,
    groups: Groups,
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
