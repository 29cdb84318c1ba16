"""Charts: one metric of a report as a Vega-Lite spec, which page, mail and files all draw from.

Only here do money cells become floats: a picture is not accounting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.table import Cell, ReportTable

if TYPE_CHECKING:
    import altair as alt

MOST_SERIES = 10
"""More lines than the palette has colours cannot be told apart."""
_WIDTH, _HEIGHT = 760, 320
_PIXELS_A_CHARACTER, _LEGEND_COLUMNS = 6, 4
_MOST_TICKS, _MOST_DOTS = 30, 60
"""More labels do not fit, and 700 took Vega 5 s to thin out; more dots hide their lines."""
_PIXEL_DENSITY = 2
"""Mails are read on screens of two device pixels a pixel."""

_FONT = "Arial, Liberation Sans, sans-serif"
_INK, _GREY, _GRID = "#1F2933", "#52606D", "#E4E7EB"
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
    kept = sorted(largest[-MOST_SERIES:])
    return Plot(_distinct(table.columns), [(names[i], rows[i]) for i in kept], len(rows) - len(kept))


def chart_spec(table: ReportTable, name: str) -> dict[str, Any]:
    """The chart `name` of CHARTS as a Vega-Lite spec that needs nothing else.

    One series is bars, several are lines; N/A is a gap. Raises RequestError for an unknown name.
    """
    import altair as alt

    preset = preset_named(name)
    drawn = plot(table, preset)
    chart = _styled(alt.Chart(alt.InlineData([]), title=_title(drawn, preset)))
    axes = {
        "x": _x(drawn.labels),
        "y": alt.Y("value:Q", title=None),
        "tooltip": ["series:N", "label:N", "shown:N"],
    }
    if len(drawn.series) == 1:
        spec: dict[str, Any] = chart.mark_bar(color=PALETTE[0]).encode(**axes).to_dict()
    else:
        dots = alt.OverlayMarkDef(size=40 if len(drawn.labels) <= _MOST_DOTS else 4)
        lines = chart.mark_line(point=dots, strokeWidth=2, invalid="break-paths-filter-domains")
        names = [name for name, _ in drawn.series]
        colours = alt.Scale(domain=names, range=PALETTE[: len(names)])
        spec = lines.encode(color=alt.Color("series:N", title=None, scale=colours), **axes).to_dict()
    spec["data"] = {"values": _points(drawn)}  # not through altair, which checks each point for a millisecond
    return spec


def _x(labels: list[str]) -> alt.X:
    import altair as alt

    fits = sum(len(label) + 2 for label in labels) * _PIXELS_A_CHARACTER <= _WIDTH
    ticks = labels[:: -(-len(labels) // _MOST_TICKS) or 1]
    axis = alt.Axis(
        labelAngle=0 if fits else -45, labelOverlap=True, labelLimit=140, ticks=False, values=ticks
    )
    return alt.X("label:O", title=None, sort=None, scale=alt.Scale(domain=labels), axis=axis)


def _styled(chart: alt.Chart) -> alt.Chart:
    import altair as alt

    return (
        chart.properties(width=_WIDTH, height=_HEIGHT, background="white", padding=16)
        .configure(font=_FONT, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        .configure_view(stroke=None)
        .configure_title(anchor="start", fontSize=16, color=_INK, offset=14, subtitleColor=_GREY)
        .configure_axis(
            labelColor=_GREY, labelFontSize=11, gridColor=_GRID, domainColor=_GREY, labelPadding=6
        )
        .configure_axisY(domain=False, ticks=False)
        .configure_legend(
            orient="bottom",
            columns=_LEGEND_COLUMNS,
            labelColor=_INK,
            labelFontSize=11,
            labelLimit=150,
            symbolType="stroke",
            symbolStrokeWidth=3,
        )
    )


def chart_png(table: ReportTable, name: str) -> bytes:
    """The chart as a PNG, sharp on dense screens. Nothing is fetched."""
    import vl_convert

    return vl_convert.vegalite_to_png(chart_spec(table, name), scale=_PIXEL_DENSITY, allowed_base_urls=[])


def chart_svg(table: ReportTable, name: str) -> str:
    """The chart as an SVG document. Nothing is fetched."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart_spec(table, name), allowed_base_urls=[])


def _size(cells: tuple[Cell, ...]) -> Decimal:
    return sum((abs(Decimal(cell)) for cell in cells if cell is not None), Decimal(0))


def _points(drawn: Plot) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "series": name,
            "value": float(cell) if isinstance(cell, Decimal) else cell,
            "shown": "N/A" if cell is None else f"{cell:,}",
        }
        for name, cells in drawn.series
        for label, cell in zip(drawn.labels, cells, strict=True)
    ]


def _title(drawn: Plot, preset: ChartPreset) -> dict[str, Any]:
    count = len(drawn.series)
    subtitle = (
        {"subtitle": f"the {count} largest of {count + drawn.left_out} packages"} if drawn.left_out else {}
    )
    return {"text": preset.label, **subtitle}


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, those that repeat with a number: two packages of one name are two bars, not one."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct
