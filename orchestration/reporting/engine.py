"""The engine: a query and the current build make a report.

The report store counts and sums over clients and transactions. What comes back is what enters and
leaves the cohorts at each period, and the flows of each period and day, by currency. They are summed,
converted, divided and rounded once here, some groups at a time, and laid out as the table.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orchestration.builds.store import current_build
from orchestration.reporting.cancellation import Cancellation
from orchestration.reporting.cells import cells_of_groups, cohorts_from_changes, cohorts_from_days
from orchestration.reporting.clients_kept import clients_behind
from orchestration.reporting.exchange_rates import ExchangeRates
from orchestration.reporting.groups import Groups, groups_of
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.large import give_back_large_blocks
from orchestration.reporting.money import MissingRate, closing_date
from orchestration.reporting.periods import Period, cut
from orchestration.reporting.report import Progress, Report
from orchestration.reporting.resolve import resolve_filters
from orchestration.reporting.store_query import StoreQuery, StoreSums
from orchestration.reporting.table import METRICS, Block, ReportTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection
    from psycopg.rows import TupleRow

    from orchestration.reporting.parameters import ReportQuery

_AT_ONCE = 20_000
"""Periods of groups whose sums are in memory together."""


def make_report(
    connection: Connection[TupleRow],
    query: ReportQuery,
    *,
    base_currency: str,
    moment: datetime | None = None,
    with_clients: bool = False,
    progress: Progress | None = None,
    cancellation: Cancellation | None = None,
) -> Report:
    """Return the report that `query` asks for, from the current build.

    `moment` is when named intervals are resolved: the scheduled moment, or now. `with_clients` adds
    the clients behind the cells, which a snapshot keeps. `progress` is told of the groups.
    `cancellation` can end the work from another thread. Raises RequestError for an unknown name or an
    interval that ends before it begins, MissingRate, ReportCancelled, and DynamicsError when there is
    no build.
    """
    give_back_large_blocks()
    began = time.monotonic()
    query = query.model_copy(update={"currency": query.currency or base_currency})
    interval = resolve_interval(query, moment or datetime.now(UTC))
    with current_build(connection) as build:
        filters = resolve_filters(build, query, base_currency)
        periods = cut(query, interval, build.as_of)
        known = [period for period in periods if period.known]
        groups = groups_of(query, filters)
        asked = StoreQuery(build, query, filters, groups, known)
        with asked.cursor, (cancellation or Cancellation()).covers(asked.cursor):
            shown = asked.groups_in_scope()
            data_interval = None
            if not known:
                blocks = _no_blocks(groups, shown, len(periods))
            else:
                sums = asked.sums()
                rates = ExchangeRates(
                    build, sums.currencies(), query.currency or base_currency, base_currency
                )
                blocks = _blocks(sums, rates, groups, shown, known, len(periods), progress)
                data_interval = asked.data_interval(sums)
            computed_in = timedelta(seconds=time.monotonic() - began)
            clients = None
            if with_clients and known:
                clients = clients_behind(build, asked, query, base_currency, shown, known)
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


def _no_blocks(groups: Groups, shown: Sequence[int], periods: int) -> tuple[Block, ...]:
    """Return the blocks of a report whose periods all begin after the end of the data."""
    nothing = tuple((None,) * periods for _ in METRICS)
    return tuple(Block(groups.labels[number - 1], nothing) for number in shown)


def _blocks(
    sums: StoreSums,
    rates: ExchangeRates,
    groups: Groups,
    shown: Sequence[int],
    known: Sequence[Period],
    periods: int,
    progress: Progress | None,
) -> tuple[Block, ...]:
    """Return a block for each of the groups that are `shown`.

    Raises MissingRate with the first date that lacks a rate, whichever group needs it.
    """
    closing_dates = [closing_date(period.end) for period in known]
    at_once = max(1, _AT_ONCE // len(known))
    blocks: list[Block] = []
    for first in range(0, len(shown), at_once):
        if progress:
            progress("computing", first, len(shown))
        numbers = shown[first : first + at_once]
        cohorts = cohorts_from_changes(sums.changes, numbers, len(known))
        if sums.daily_cohorts is not None:
            cohorts = cohorts_from_days(sums.daily_cohorts, cohorts, len(known))
        rows = cells_of_groups(cohorts, sums.flows, numbers, closing_dates, periods, rates)
        blocks += (Block(groups.labels[number - 1], own) for number, own in zip(numbers, rows, strict=True))
    if rates.missing:
        day, currency = min(rates.missing)
        raise MissingRate(currency, day)
    return tuple(blocks)


def _table(query: ReportQuery, periods: tuple[Period, ...], blocks: tuple[Block, ...]) -> ReportTable:
    """Return groups as blocks over the periods, or as the columns of one block without a time group."""
    if query.by_package and query.time_group is None:
        columns = tuple(block.package or "" for block in blocks)
        merged = tuple(
            tuple(cell for block in blocks for cell in block.cells[row]) for row in range(len(METRICS))
        )
        return ReportTable(columns, (Block(None, merged),))
    return ReportTable(
        columns=tuple(period.label for period in periods), blocks=blocks, by_package=query.by_package
    )
