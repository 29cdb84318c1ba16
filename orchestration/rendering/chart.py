"""What a chart shows: the presets that can be asked for, and the cells that each draws."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.table import Cell, ReportTable

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


class ChartPreset(NamedTuple):
    """Which row a chart shows, and its title."""

    section: str
    metric: str
    label: str


def _preset(section: str, metric: str) -> ChartPreset:
    return ChartPreset(section, metric, f"{section}: {metric}")


CHARTS: Mapping[str, ChartPreset] = MappingProxyType(
    {
        "clients_active_qty": _preset("Clients - Active", "Qty"),
        "balance_refill_total": _preset("Balance Refill", "Total"),
        "pay_as_you_go_total": _preset("Pay As You Go", "Total"),
        "packages_renew_total": _preset("Packages", "Renew Total"),
    }
)
"""The charts that can be asked for, by name."""


class Plot(NamedTuple):
    """What a chart draws: `series` are a name and a cell for each of `labels`; `left_out` series were the smallest."""

    labels: list[str]
    series: list[tuple[str, tuple[Cell, ...]]]
    left_out: int


def preset_named(name: str) -> ChartPreset:
    """The preset of CHARTS called `name`. Raises RequestError that lists them."""
    if name not in CHARTS:
        raise RequestError(f"unknown chart {name!r}: use {', '.join(CHARTS)}")
    return CHARTS[name]


def plot(table: ReportTable, preset: ChartPreset) -> Plot:
    """The row of `preset` in every block: a series a package, or one series over the columns."""
    rows = [block.row(preset.section, preset.metric) for block in table.blocks]
    names = _distinct([(block.package or "") if table.by_package else preset.label for block in table.blocks])
    largest = sorted(range(len(rows)), key=lambda i: _size(rows[i]))
    kept = sorted(largest[-len(PALETTE) :])
    return Plot(_distinct(table.columns), [(names[i], rows[i]) for i in kept], len(rows) - len(kept))


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
