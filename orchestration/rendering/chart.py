"""Charts of a report: the presets, and the cells that a chart draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from orchestration.domain import ChartPreset
from orchestration.errors import RequestError
from orchestration.reporting.table import Block, Cell, Metric, ReportTable

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
"""The colours of the series. A chart draws no more series, because more colours look alike."""


class Mark(StrEnum):
    """The shape that shows the cells."""

    BAR = "bar"
    LINE = "line"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of rows of a report (names as in `build_chart_rows`) over its columns.

    `mark` None means bars for one series and lines for several. `stacked` applies to bars and
    areas. `packages` limits the chart to these blocks. `first` and `last` limit it to the columns
    from one label to the other, both included. An empty value means no limit.
    """

    rows: tuple[str, ...]
    mark: Mark | None = None
    stacked: bool = False
    packages: tuple[str, ...] = ()
    first: str = ""
    last: str = ""

    @property
    def title(self) -> str:
        """The name of the row. A chart of several rows has no title, because it has a legend."""
        return self.rows[0] if len(self.rows) == 1 else ""


CHART_PRESETS: Mapping[str, Chart] = MappingProxyType(
    {
        ChartPreset.CLIENTS_ACTIVE_QTY: Chart(("Clients - Active: Qty",)),
        ChartPreset.BALANCE_REFILL_TOTAL: Chart(("Balance Refill: Total",)),
        ChartPreset.PAY_AS_YOU_GO_TOTAL: Chart(("Pay As You Go: Total",)),
        ChartPreset.PACKAGES_RENEW_TOTAL: Chart(("Packages: Renew Total",)),
    }
)
"""The charts that a saved query can name."""


class ChartData(NamedTuple):
    """The labels and the series of a chart. A series is a name and one cell for each label."""

    labels: list[str]
    series: list[tuple[str, tuple[Cell, ...]]]
    omitted_count: int
    """The number of smaller series that the chart does not show."""


def find_chart_preset(name: str) -> Chart:
    """Return the preset with that name. Raise RequestError if there is none."""
    if name not in CHART_PRESETS:
        raise RequestError(f"unknown chart {name!r}: use {', '.join(CHART_PRESETS)}")
    return CHART_PRESETS[name]


def build_chart_rows(table: ReportTable) -> dict[str, Metric]:
    """Return the rows that a chart of the table can show, by name."""
    return {f"{metric.section}: {metric.name}": metric for metric in table.metrics}


def select_chart_data(table: ReportTable, chart: Chart) -> ChartData:
    """Return a series for each row of the chart in each block. Leave out the smallest of too many.

    Raise RequestError for a row, package or column that the table does not have.
    """
    columns = _select_columns(table, chart)
    series = [
        (_series_name(table, chart, block, row), block.row(metric.section, metric.name)[columns])
        for block in _select_blocks(table, chart)
        for row, metric in _select_rows(table, chart)
    ]
    names = _number_repeated([name for name, _ in series])
    cells = [cells for _, cells in series]
    smallest_first = sorted(range(len(cells)), key=lambda i: _size(cells[i]))
    shown = sorted(smallest_first[-len(PALETTE) :])
    return ChartData(
        _number_repeated(table.columns)[columns],
        [(names[i], cells[i]) for i in shown],
        len(cells) - len(shown),
    )


def _select_rows(table: ReportTable, chart: Chart) -> list[tuple[str, Metric]]:
    rows = build_chart_rows(table)
    for row in chart.rows:
        if row not in rows:
            raise RequestError(f"the report has no row {row!r}: use {', '.join(rows)}")
    return [(row, rows[row]) for row in chart.rows]


def _select_blocks(table: ReportTable, chart: Chart) -> list[Block]:
    packages = {block.package for block in table.blocks if table.by_package}
    for package in chart.packages:
        if package not in packages:
            raise RequestError(f"the report has no package {package!r}: choose a package of the report")
    return [block for block in table.blocks if not chart.packages or block.package in chart.packages]


def _select_columns(table: ReportTable, chart: Chart) -> slice:
    for label in filter(None, (chart.first, chart.last)):
        if label not in table.columns:
            raise RequestError(f"the report has no column {label!r}: choose a column of the report")
    first = table.columns.index(chart.first) if chart.first else 0
    last = table.columns.index(chart.last) if chart.last else len(table.columns) - 1
    if last < first and chart.last:
        raise RequestError(f"{chart.last} comes before {chart.first}: swap them")
    return slice(first, last + 1)


def _series_name(table: ReportTable, chart: Chart, block: Block, row: str) -> str:
    if not table.by_package:
        return row
    return block.package or "" if len(chart.rows) == 1 else f"{block.package}, {row}"


def _size(cells: tuple[Cell, ...]) -> Decimal:
    return sum((abs(Decimal(cell)) for cell in cells if cell is not None), Decimal(0))


def _number_repeated(names: Sequence[str]) -> list[str]:
    """Add a number to repeated names, so that a chart does not add up two packages."""
    distinct: dict[str, None] = {}
    for name in names:
        candidate, count = name, 1
        while candidate in distinct:
            count += 1
            candidate = f"{name} ({count})"
        distinct[candidate] = None
    return list(distinct)
