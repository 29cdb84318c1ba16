"""What a chart shows: the presets that can be asked for, and the cells that each draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.table import METRICS, Block, Cell, Metric, ReportTable

PALETTE = [
    "#2F6690",
    "#D9822B",
    "#3A7D44",
    "#A23B72",
    "#6C757D",
    "#1B998B",
    "#C44536",
    "#7768AE",
    "#8D6A2F",
    "#5BA4CF",
]
"""The colours of the series. More of them cannot be told apart."""


class Mark(StrEnum):
    """What the cells are drawn as."""

    BAR = "bar"
    LINE = "line"
    AREA = "area"


ROWS: Mapping[str, Metric] = MappingProxyType({f"{row.section}: {row.name}": row for row in METRICS})
"""The rows that a chart can be made of, by the names that charts call them."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of these rows (names of ROWS) over the columns of a report.

    `mark` None means bars for one series and lines for several. `stacked` counts for bars and areas.
    `packages` limits it to those blocks, `first` and `last` to the columns between two labels, both included;
    empty means all.
    """

    rows: tuple[str, ...]
    mark: Mark | None = None
    stacked: bool = False
    packages: tuple[str, ...] = ()
    first: str = ""
    last: str = ""

    @property
    def title(self) -> str:
        """The row's name when there is one row; of several the legend tells."""
        return self.rows[0] if len(self.rows) == 1 else ""


CHARTS: Mapping[str, Chart] = MappingProxyType(
    {
        "clients_active_qty": Chart(("Clients - Active: Qty",)),
        "balance_refill_total": Chart(("Balance Refill: Total",)),
        "pay_as_you_go_total": Chart(("Pay As You Go: Total",)),
        "packages_renew_total": Chart(("Packages: Renew Total",)),
    }
)
"""The charts that can be asked for, by name."""


class Plot(NamedTuple):
    """What a chart draws: `series` are a name and a cell for each of `labels`; `left_out` series were the smallest."""

    labels: list[str]
    series: list[tuple[str, tuple[Cell, ...]]]
    left_out: int


def preset_named(name: str) -> Chart:
    """The preset of CHARTS called `name`. Raises RequestError that lists them."""
    if name not in CHARTS:
        raise RequestError(f"unknown chart {name!r}: use {', '.join(CHARTS)}")
    return CHARTS[name]


def plot(table: ReportTable, chart: Chart) -> Plot:
    """The chart's rows in each of its blocks, a series each; of too many series the largest.

    Raises RequestError for a row, package or column that the table does not have.
    """
    part = _columns(table, chart)
    named = [
        (_series_name(table, chart, block, row), block.row(metric.section, metric.name)[part])
        for block in _blocks(table, chart)
        for row, metric in _rows(chart)
    ]
    names, rows = _distinct([name for name, _ in named]), [cells for _, cells in named]
    largest = sorted(range(len(rows)), key=lambda i: _size(rows[i]))
    kept = sorted(largest[-len(PALETTE) :])
    return Plot(_distinct(table.columns)[part], [(names[i], rows[i]) for i in kept], len(rows) - len(kept))


def _rows(chart: Chart) -> list[tuple[str, Metric]]:
    for row in chart.rows:
        if row not in ROWS:
            raise RequestError(f"there is no row {row!r}: use {', '.join(ROWS)}")
    return [(row, ROWS[row]) for row in chart.rows]


def _blocks(table: ReportTable, chart: Chart) -> list[Block]:
    there = {block.package for block in table.blocks if table.by_package}
    for package in chart.packages:
        if package not in there:
            raise RequestError(f"the report has no package {package!r}: choose one of its own")
    return [block for block in table.blocks if not chart.packages or block.package in chart.packages]


def _columns(table: ReportTable, chart: Chart) -> slice:
    for label in filter(None, (chart.first, chart.last)):
        if label not in table.columns:
            raise RequestError(f"the report has no column {label!r}: choose one of its own")
    first = table.columns.index(chart.first) if chart.first else 0
    last = table.columns.index(chart.last) if chart.last else len(table.columns) - 1
    if last < first and chart.last:
        raise RequestError(f"{chart.last} comes before {chart.first}: exchange the two")
    return slice(first, last + 1)


def _series_name(table: ReportTable, chart: Chart, block: Block, row: str) -> str:
    if not table.by_package:
        return row
    return block.package or "" if len(chart.rows) == 1 else f"{block.package}, {row}"


def _size(cells: tuple[Cell, ...]) -> Decimal:
    return sum((abs(Decimal(cell)) for cell in cells if cell is not None), Decimal(0))


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, those that repeat with a number: two packages of one name are two bars, not one."""
    distinct: dict[str, None] = {}
    for name in names:
        candidate, count = name, 1
        while candidate in distinct:
            count += 1
            candidate = f"{name} ({count})"
        distinct[candidate] = None
    return list(distinct)
