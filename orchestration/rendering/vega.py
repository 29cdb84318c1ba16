"""Charts as one Vega-Lite spec, which page, mail and files are drawn from.

Only here do money cells become floats: a picture is not accounting.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestration.rendering.chart import PALETTE, ROWS, Chart, Mark, Plot, plot
from orchestration.reporting.table import Unit

if TYPE_CHECKING:
    import altair as alt

    from orchestration.reporting.table import ReportTable

_WIDTH, _HEIGHT = 760, 320
_PIXELS_A_CHARACTER, _LEGEND_COLUMNS = 6, 3
_MOST_TICKS, _MOST_DOTS = 30, 60
"""More labels do not fit, and 700 took Vega 5 s to thin out; more dots hide their lines."""
_PIXEL_DENSITY = 2
"""Mails are read on screens of two device pixels a pixel."""
_FONT = "Arial, Liberation Sans, sans-serif"
_PICKED = "picked"
"""The signal of the series that were clicked in the legend: the others fade."""


class _Look(NamedTuple):
    """Colours of one theme."""

    sheet: str
    ink: str
    grey: str
    grid: str
    palette: list[str]


_LIGHT = _Look("white", "#1F2933", "#52606D", "#E4E7EB", PALETTE)
_DARK = _Look(
    "#1a2120",
    "#e3e9e7",
    "#9aa8a5",
    "#2e3836",
    [
        "#6AA8DA",
        "#F0A860",
        "#6FBF7B",
        "#DD7FB2",
        "#A9B2BA",
        "#4FCDBD",
        "#F0806F",
        "#ABA0E0",
        "#CDA766",
        "#94CCF0",
    ],
)


def chart_spec(table: ReportTable, chart: Chart, *, dark: bool = False) -> dict[str, Any]:
    """The chart as a Vega-Lite spec that needs nothing else, in the colours of a light or dark page.

    N/A is a gap. Raises RequestError for a row, package or column that the table does not have.
    """
    import altair as alt

    drawn, look = plot(table, chart), _DARK if dark else _LIGHT
    picked = alt.selection_point(fields=["series"], bind="legend", name=_PICKED)
    shape = _styled(alt.Chart(alt.InlineData([]), title=_title(drawn, chart)), look, _mark(drawn, chart))
    shape = _marked(shape, drawn, chart).encode(**_encoding(drawn, chart, look, picked))
    spec: dict[str, Any] = (shape.add_params(picked) if _legend(drawn) else shape).to_dict()
    spec["description"] = f"Chart of {', '.join(chart.rows) or 'nothing'}"
    spec["data"] = {"values": _points(drawn)}  # not through altair, which checks each point for a millisecond
    return spec


def chart_png(table: ReportTable, chart: Chart) -> bytes:
    """The chart as a PNG, sharp on dense screens. Nothing is fetched. Raises as `chart_spec`."""
    import vl_convert

    return vl_convert.vegalite_to_png(chart_spec(table, chart), scale=_PIXEL_DENSITY, allowed_base_urls=[])


def chart_svg(table: ReportTable, chart: Chart, *, dark: bool = False) -> str:
    """The chart as an SVG document. Nothing is fetched. Raises as `chart_spec`."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart_spec(table, chart, dark=dark), allowed_base_urls=[])


def _mark(drawn: Plot, chart: Chart) -> Mark:
    return chart.mark or (Mark.LINE if len(drawn.series) > 1 else Mark.BAR)


def _opacity(drawn: Plot, chart: Chart) -> float:
    """Areas that lie over each other must let through what is behind."""
    return 0.35 if _mark(drawn, chart) is Mark.AREA and not chart.stacked else 1


def _legend(drawn: Plot) -> bool:
    return len(drawn.series) > 1


def _marked(shape: alt.Chart, drawn: Plot, chart: Chart) -> alt.Chart:
    import altair as alt

    dots = alt.OverlayMarkDef(size=40 if len(drawn.labels) <= _MOST_DOTS else 4)
    marked: alt.Chart
    match _mark(drawn, chart):
        case Mark.BAR:
            marked = shape.mark_bar()
        case Mark.LINE:
            marked = shape.mark_line(point=dots, strokeWidth=2, invalid="break-paths-filter-domains")
        case Mark.AREA:
            marked = shape.mark_area(
                opacity=_opacity(drawn, chart), line=True, invalid="break-paths-filter-domains"
            )
    return marked


def _encoding(drawn: Plot, chart: Chart, look: _Look, picked: alt.Parameter) -> dict[str, Any]:
    import altair as alt

    stacks = chart.stacked and _mark(drawn, chart) is not Mark.LINE
    amount = ",.2f" if any(ROWS[row].unit is Unit.MONEY for row in chart.rows) else ",d"
    # Vega's tooltip takes a field called `title` for its heading.
    tooltip = [alt.Tooltip("label:O", title="title"), alt.Tooltip("value:Q", title="Value", format=amount)]
    y = alt.Y("value:Q", title=None, stack="zero" if stacks else None)
    if not _legend(drawn):
        return {"x": _x(drawn.labels), "y": y, "tooltip": tooltip, "color": alt.value(look.palette[0])}
    names = [name for name, _ in drawn.series]
    scale = alt.Scale(domain=names, range=look.palette[: len(names)])
    side_by_side = _mark(drawn, chart) is Mark.BAR and not stacks
    return {
        "x": _x(drawn.labels),
        "y": y,
        "color": alt.Color("series:N", title=None, scale=scale),
        "opacity": alt.condition(picked, alt.value(_opacity(drawn, chart)), alt.value(0.1)),
        "tooltip": [*tooltip, alt.Tooltip("series:N", title="Series")],
        **({"xOffset": alt.XOffset("series:N", sort=names)} if side_by_side else {}),
    }


def _x(labels: list[str]) -> alt.X:
    import altair as alt

    fits = sum(len(label) + 2 for label in labels) * _PIXELS_A_CHARACTER <= _WIDTH
    ticks = labels[:: -(-len(labels) // _MOST_TICKS) or 1]
    axis = alt.Axis(
        labelAngle=0 if fits else -45, labelOverlap=True, labelLimit=140, ticks=False, values=ticks
    )
    return alt.X("label:O", title=None, sort=None, scale=alt.Scale(domain=labels), axis=axis)


def _styled(chart: alt.Chart, look: _Look, mark: Mark) -> alt.Chart:
    import altair as alt

    styled: alt.Chart = (
        chart.properties(width=_WIDTH, height=_HEIGHT, background=look.sheet, padding=16)
        .configure(font=_FONT, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        .configure_view(stroke=None)
        .configure_title(anchor="start", fontSize=16, color=look.ink, offset=14, subtitleColor=look.grey)
        .configure_axis(
            labelColor=look.grey,
            labelFontSize=11,
            gridColor=look.grid,
            domainColor=look.grey,
            labelPadding=6,
        )
        .configure_axisY(domain=False, ticks=False)
        .configure_legend(
            orient="bottom",
            columns=_LEGEND_COLUMNS,
            labelColor=look.ink,
            labelFontSize=11,
            labelLimit=220,
            symbolType="stroke" if mark is Mark.LINE else "square",
            symbolStrokeWidth=3,
        )
    )
    return styled


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


def _title(drawn: Plot, chart: Chart) -> dict[str, Any]:
    count = len(drawn.series)
    subtitle = (
        {"subtitle": f"the {count} largest of {count + drawn.left_out} series"} if drawn.left_out else {}
    )
    return {"text": chart.title, **subtitle}
