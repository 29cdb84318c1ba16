"""The engine: it computes the report of a query from the current build.

docs/explanation/report.md explains it with an example.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orchestration.builds.store import current_build
from orchestration.reporting.cancellation import Cancellation
from orchestration.reporting.cells import compute_cells, sum_cohort_changes, sum_daily_cohorts
from orchestration.reporting.drilldown_export import export_clients
from orchestration.reporting.exchange_rates import ExchangeRates
from orchestration.reporting.groups import Groups, list_groups
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.memory import map_large_blocks
from orchestration.reporting.money import MissingRate, closing_date
from orchestration.reporting.name_lookup import resolve_filters
from orchestration.reporting.periods import Period, list_periods
from orchestration.reporting.report import Report
from orchestration.reporting.store_query import StoreQuery, StoreSums
from orchestration.reporting.table import METRICS, Block, ReportTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection
    from psycopg.rows import TupleRow

    from orchestration.progress import Progress
    from orchestration.reporting.parameters import ReportQuery

MAX_COLUMNS_PER_BATCH = 20_000
"""The limit of groups times periods that are computed together, to bound memory."""


def compute_report(
    connection: Connection[TupleRow],
    query: ReportQuery,
    *,
    base_currency: str,
    moment: datetime | None = None,
    with_clients: bool = False,
    progress: Progress | None = None,
    cancellation: Cancellation | None = None,
) -> Report:
    """Return the report of `query` from the current build.

    Named intervals are resolved at `moment`, by default now. `with_clients` adds the drill-down
    clients. `progress` receives the number of computed groups. `cancellation` can end the
    computation from another thread.

    Raise RequestError for an unknown name and for an interval that ends before it begins. Raise
    DynamicsError when there is no build. Raise MissingRate and ReportCancelled.
    """
    map_large_blocks()
    started = time.monotonic()
    report_currency = query.currency or base_currency
    query = query.model_copy(update={"currency": report_currency})
    interval = resolve_interval(query, moment or datetime.now(UTC))
    with current_build(connection) as build:
        filters = resolve_filters(build, query, base_currency)
        periods = list_periods(query, interval, build.as_of)
        known_periods = [period for period in periods if period.is_known]
        groups = list_groups(query, filters)
        store_query = StoreQuery(build, query, filters, groups, known_periods)
        with store_query.cursor, (cancellation or Cancellation()).guard(store_query.cursor):
            group_numbers = store_query.group_numbers()
            data_interval = None
            if not known_periods:
                blocks = _build_empty_blocks(groups, group_numbers, len(periods))
            else:
                sums = store_query.sums()
                rates = ExchangeRates(build, sums.currencies(), report_currency, base_currency)
                blocks = _compute_blocks(
                    sums, rates, groups, group_numbers, known_periods, len(periods), progress
                )
                data_interval = store_query.data_interval(sums)
            computed_in = timedelta(seconds=time.monotonic() - started)
            clients = None
            if with_clients and known_periods:
                clients = export_clients(
                    build, store_query, report_currency, base_currency, group_numbers, known_periods
                )
    return Report(
        query=query,
        interval=interval,
        table=_build_table(query, periods, blocks),
        as_of=build.as_of,
        build_id=build.build_id,
        data_interval=data_interval,
        computed_in=computed_in,
        owner_ids=tuple(sorted(set(filters.owner_ids))) if filters.owner_ids else None,
        clients=clients,
    )


def _build_empty_blocks(groups: Groups, group_numbers: Sequence[int], periods: int) -> tuple[Block, ...]:
    """Return the blocks of a report without known periods: all cells are N/A."""
    rows = tuple((None,) * periods for _ in METRICS)
    return tuple(Block(groups.labels[number - 1], rows) for number in group_numbers)


def _compute_blocks(
    sums: StoreSums,
    rates: ExchangeRates,
    groups: Groups,
    group_numbers: Sequence[int],
    known_periods: Sequence[Period],
    periods: int,
    progress: Progress | None,
) -> tuple[Block, ...]:
    """Return the block of each group in `group_numbers`.

    Raise MissingRate for the first date on which any group lacks a rate.
    """
    closing_dates = [closing_date(period.end) for period in known_periods]
    batch_size = max(1, MAX_COLUMNS_PER_BATCH // len(known_periods))
    blocks: list[Block] = []
    for start in range(0, len(group_numbers), batch_size):
        if progress:
            progress("computing", start, len(group_numbers))
        batch = group_numbers[start : start + batch_size]
        cohorts = sum_cohort_changes(sums.changes, batch, len(known_periods))
        if sums.closing_cohorts is not None:
            cohorts = sum_daily_cohorts(sums.closing_cohorts, cohorts, len(known_periods))
        rows = compute_cells(cohorts, sums.flows, batch, closing_dates, periods, rates)
        blocks += (Block(groups.labels[number - 1], cells) for number, cells in zip(batch, rows, strict=True))
    if rates.missing:
        day, currency = min(rates.missing)
        raise MissingRate(currency, day)
    return tuple(blocks)


def _build_table(query: ReportQuery, periods: Sequence[Period], blocks: Sequence[Block]) -> ReportTable:
    """Return the table: periods as columns and groups as blocks.

    Without a time group, packages are columns of one block instead.
    """
    if query.by_package and query.time_group is None:
        columns = tuple(block.package or "" for block in blocks)
        merged = tuple(
            tuple(cell for block in blocks for cell in block.cells[row]) for row in range(len(METRICS))
        )
        return ReportTable(columns, (Block(None, merged),))
    return ReportTable(
        columns=tuple(period.label for period in periods),
        blocks=tuple(blocks),
        by_package=query.by_package,
    )
