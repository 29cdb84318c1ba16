"""The engine: a query and the current marts make a report.

Postgres does the counting, summing and converting over clients and transactions; what comes back is a few rows a
group, period and item of the report, which are then divided, rounded once, and laid out as the table. Of a report with
many groups and periods that is done for a few groups at a time: their rows are gone when their blocks are made.
"""

import time
from datetime import UTC, date, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.answers import Answers
from orchestration.reporting.cells import Sums, require_rates
from orchestration.reporting.groups import Groups, groups_of
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.large import give_back_large_blocks
from orchestration.reporting.marts import current_marts
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import Period, cut
from orchestration.reporting.report import Progress, Report
from orchestration.reporting.resolve import resolve_filters
from orchestration.reporting.table import METRICS, Block, ReportTable

_AT_ONCE = 4_000
"""Periods of groups whose sums are asked for together; more are more in memory, and no sooner there: all of a report by date
over five years with 60 packages at once take the database a fifth longer than ten packages at a time, since it sorts on disk."""


def make_report(
    connection: Connection[TupleRow],
    query: ReportQuery,
    *,
    base_currency: str,
    moment: datetime | None = None,
    with_clients: bool = False,
    progress: Progress | None = None,
) -> Report:
    """The report that `query` asks for, from the current build of the marts (spec 2 to 7).

    `moment` is when named intervals are resolved: the scheduled moment, or now. `with_clients` brings along who is behind
    the cells, which a snapshot keeps, and which takes longer than the report when they are many. `progress` is told of the groups. Raises RequestError for an unknown
    name or an interval that ends before it begins, MissingRate, and DynamicsError when there are no marts.
    """
    give_back_large_blocks()
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
        blocks = _blocks(answers, groups, shown, len(known), len(periods), progress)
        data_interval = answers.data_interval()
        computed_in = timedelta(seconds=time.monotonic() - began)
        clients = answers.clients_behind(shown) if with_clients else None
    return Report(
        query=query,
        interval=interval,
        table=_table(query, periods, blocks),
        as_of=build.as_of,
        build_id=build.build_id,
        data_interval=data_interval,
        computed_in=computed_in,
        owner_ids=tuple(sorted(set(filters.owner_ids))) if filters.owner_ids else None,
        clients=clients,
    )


def _blocks(
    answers: Answers, groups: Groups, shown: list[int], known: int, periods: int, progress: Progress | None
) -> tuple[Block, ...]:
    """A block for each of the groups that are `shown`. A missing rate is told only when all of them have been asked for."""
    at_once = max(1, _AT_ONCE // max(1, known))
    blocks: list[Block] = []
    missing: set[tuple[date, str]] = set()
    for first in range(0, len(shown), at_once):
        if progress:
            progress("computing", first, len(shown))
        numbers = shown[first : first + at_once]
        sums = Sums(answers.sums(numbers))
        missing |= sums.missing
        blocks += (
            Block(groups.labels[number - 1], sums.block_cells(number, known, periods)) for number in numbers
        )
    require_rates(missing)
    return tuple(blocks)


def _table(query: ReportQuery, periods: tuple[Period, ...], blocks: tuple[Block, ...]) -> ReportTable:
    """Groups as blocks over the periods, or as the columns of one block when there is no time group (spec 7)."""
    if query.by_package and query.time_group is None:
        columns = tuple(block.package or "" for block in blocks)
        merged = tuple(
            tuple(cell for block in blocks for cell in block.cells[row]) for row in range(len(METRICS))
        )
        return ReportTable(columns, (Block(None, merged),))
    return ReportTable(
        columns=tuple(period.label for period in periods), blocks=blocks, by_package=query.by_package
    )
