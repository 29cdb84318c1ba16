"""The engine: a query and the current marts make a report.

Postgres does the counting, summing and converting over clients and transactions; what comes back is a few rows a
group, period and item of the report, which are then divided, rounded once, and laid out as the table.
"""

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.answers import Answers
from orchestration.reporting.cells import SumRow, block_cells, require_rates
from orchestration.reporting.groups import Groups, groups_of
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.marts import current_marts
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
    with_clients: bool = False,
) -> Report:
    """The report that `query` asks for, from the current build of the marts (spec 2 to 7).

    `moment` is when named intervals are resolved: the scheduled moment, or now. `with_clients` brings along who is behind
    the cells, which a snapshot keeps, and which takes longer than the report when they are many. Raises RequestError for an unknown
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
        answers = Answers(connection, query, base_currency, filters, groups, known, build)
        shown = answers.groups_in_scope()
        rows = answers.sums()
        require_rates(rows)
        data_interval = answers.data_interval()
        computed_in = timedelta(seconds=time.monotonic() - began)
        clients = answers.clients_behind(shown) if with_clients else None
    by_group: defaultdict[int, list[SumRow]] = defaultdict(list)
    for row in rows:
        by_group[row.group_number].append(row)
    cells = {number: block_cells(by_group[number], len(known), len(periods)) for number in shown}
    return Report(
        query=query,
        interval=interval,
        table=_table(query, groups, periods, cells),
        as_of=build.as_of,
        build_id=build.build_id,
        data_interval=data_interval,
        computed_in=computed_in,
        owner_ids=tuple(sorted(set(filters.owner_ids))) if filters.owner_ids else None,
        clients=clients,
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
