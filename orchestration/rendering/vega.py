"""Charts as one Vega-Lite spec, which page, mail and files are drawn from.

Only here do money cells become floats: a picture is not accounting.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestration.rendering.chart import PALETTE, ChartPreset, Plot, plot, preset_named

if TYPE_CHECKING:
    import altair as alt

    from orchestration.reporting.table import ReportTable

_WIDTH, _HEIGHT = 760, 320
_PIXELS_A_CHARACTER, _LEGEND_COLUMNS = 6, 4
_MOST_TICKS, _MOST_DOTS = 30, 60
"""More labels do not fit, and 700 took Vega 5 s to thin out; more dots hide their lines."""
_PIXEL_DENSITY = 2
"""Mails are read on screens of two device pixels a pixel."""
_FONT = "Arial, Liberation Sans, sans-serif"
_INK, _GREY, _GRID = "#1F2933", "#52606D", "#E4E7EB"


def chart_spec(table: ReportTable, name: str) -> dict[str, Any]:
    """The chart `name` of CHARTS as a Vega-Lite spec that needs nothing else.

    One series is bars, several are lines; N/A is a gap. Raises RequestError for an unknown name.
    """
    import altair as alt

    preset = preset_named(name)
    drawn = plot(table, preset)
    chart = _styled(alt.Chart(alt.InlineData([]), title=_title(drawn, preset)))
    axes = {"x": _x(drawn.labels), "y": alt.Y("value:Q", title=None)}
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

    styled: alt.Chart = (
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
    return styled


def chart_png(table: ReportTable, name: str) -> bytes:
    """The chart as a PNG, sharp on dense screens. Nothing is fetched."""
    import vl_convert

    return vl_convert.vegalite_to_png(chart_spec(table, name), scale=_PIXEL_DENSITY, allowed_base_urls=[])


def chart_svg(table: ReportTable, name: str) -> str:
    """The chart as an SVG document. Nothing is fetched."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart_spec(table, name), allowed_base_urls=[])


def _points(drawn: Plot) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "series": name,
            "value": float(cell) if isinstance(cell, Decimal) else cell,
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
