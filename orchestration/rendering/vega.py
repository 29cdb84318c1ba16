"""Charts as Vega-Lite specs. Pages, mails and files draw the same spec.

Only here do money cells become floats, because a picture needs no exact amounts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestration.rendering.chart import PALETTE, Chart, ChartData, Mark, build_chart_rows, select_chart_data
from orchestration.reporting.table import Unit

if TYPE_CHECKING:
    import altair as alt

    from orchestration.reporting.table import ReportTable

_WIDTH, _HEIGHT = 760, 320
_PIXELS_PER_CHARACTER, _LEGEND_COLUMNS = 6, 3
_MAX_TICKS = 30
"""More labels do not fit, and Vega needs long to thin them out."""
_MAX_DOTS = 60
"""More dots hide their lines."""
_PIXEL_DENSITY = 2
"""The device pixels per pixel of the screens on which mails are read."""
_FONT = "Arial, Liberation Sans, sans-serif"
_PICKED = "picked"
"""The signal of the series that a reader clicked in the legend. The other series fade."""


class _Theme(NamedTuple):
    """The colours of a chart."""

    background: str
    ink: str
    grey: str
    grid: str
    palette: list[str]


_LIGHT = _Theme("white", "#1F2933", "#52606D", "#E4E7EB", PALETTE)
_DARK = _Theme(
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


def build_chart_spec(table: ReportTable, chart: Chart, *, dark: bool = False) -> dict[str, Any]:
    """Return the chart as a self-contained Vega-Lite spec, in light or dark colours.

    N/A is a gap. Raise RequestError for a row, package or column that the table does not have.
    """
    import altair as alt

    data, theme = select_chart_data(table, chart), _DARK if dark else _LIGHT
    mark = _choose_mark(data, chart)
    rows = build_chart_rows(table)
    unit = Unit.MONEY if any(rows[row].unit is Unit.MONEY for row in chart.rows) else Unit.QUANTITY
    picked = alt.selection_point(fields=["series"], bind="legend", name=_PICKED)
    shape = _apply_theme(alt.Chart(alt.InlineData([]), title=_build_title(data, chart)), theme, mark)
    shape = _apply_mark(shape, data, chart).encode(**_build_encoding(data, chart, unit, theme, picked))
    spec: dict[str, Any] = (shape.add_params(picked) if _has_legend(data) else shape).to_dict()
    spec["description"] = f"Chart of {', '.join(chart.rows) or 'nothing'}"
    spec["data"] = {"values": _build_points(data)}  # altair would check each point, which takes long
    return spec


def render_chart_png(table: ReportTable, chart: Chart) -> bytes:
    """Return the chart as a PNG for dense screens, without network access.

    Raise as `build_chart_spec`.
    """
    import vl_convert

    return vl_convert.vegalite_to_png(
        build_chart_spec(table, chart), scale=_PIXEL_DENSITY, allowed_base_urls=[]
    )


def render_chart_svg(table: ReportTable, chart: Chart, *, dark: bool = False) -> str:
    """Return the chart as an SVG document. No network is used. Raise as `build_chart_spec`."""
    import vl_convert

    return vl_convert.vegalite_to_svg(build_chart_spec(table, chart, dark=dark), allowed_base_urls=[])


def _choose_mark(data: ChartData, chart: Chart) -> Mark:
    return chart.mark or (Mark.LINE if len(data.series) > 1 else Mark.BAR)


def _opacity(data: ChartData, chart: Chart) -> float:
    """Return the opacity of the areas. Areas that overlap must be translucent."""
    return 0.35 if _choose_mark(data, chart) is Mark.AREA and not chart.stacked else 1


def _has_legend(data: ChartData) -> bool:
    return len(data.series) > 1


def _apply_mark(shape: alt.Chart, data: ChartData, chart: Chart) -> alt.Chart:
    import altair as alt

    dots = alt.OverlayMarkDef(size=40 if len(data.labels) <= _MAX_DOTS else 4)
    marked: alt.Chart
    match _choose_mark(data, chart):
        case Mark.BAR:
            marked = shape.mark_bar()
        case Mark.LINE:
            marked = shape.mark_line(point=dots, strokeWidth=2, invalid="break-paths-filter-domains")
        case Mark.AREA:
            marked = shape.mark_area(
                opacity=_opacity(data, chart), line=True, invalid="break-paths-filter-domains"
            )
    return marked


def _build_encoding(
    data: ChartData, chart: Chart, unit: Unit, theme: _Theme, picked: alt.Parameter
) -> dict[str, Any]:
    import altair as alt

    is_stacked = chart.stacked and _choose_mark(data, chart) is not Mark.LINE
    amount = ",.2f" if unit is Unit.MONEY else ",d"
    # Vega's tooltip shows the field called `title` as its heading.
    tooltip = [alt.Tooltip("label:O", title="title"), alt.Tooltip("value:Q", title="Value", format=amount)]
    y = alt.Y("value:Q", title=None, stack="zero" if is_stacked else None)
    if not _has_legend(data):
        return {
            "x": _build_x_axis(data.labels),
            "y": y,
            "tooltip": tooltip,
            "color": alt.value(theme.palette[0]),
        }
    names = [name for name, _ in data.series]
    scale = alt.Scale(domain=names, range=theme.palette[: len(names)])
    is_grouped = _choose_mark(data, chart) is Mark.BAR and not is_stacked
    return {
        "x": _build_x_axis(data.labels),
        "y": y,
        "color": alt.Color("series:N", title=None, scale=scale),
        "opacity": alt.condition(picked, alt.value(_opacity(data, chart)), alt.value(0.1)),
        "tooltip": [*tooltip, alt.Tooltip("series:N", title="Series")],
        **({"xOffset": alt.XOffset("series:N", sort=names)} if is_grouped else {}),
    }


def _build_x_axis(labels: list[str]) -> alt.X:
    import altair as alt

    fits = sum(len(label) + 2 for label in labels) * _PIXELS_PER_CHARACTER <= _WIDTH
    ticks = labels[:: -(-len(labels) // _MAX_TICKS) or 1]
    axis = alt.Axis(
        labelAngle=0 if fits else -45, labelOverlap=True, labelLimit=140, ticks=False, values=ticks
    )
    return alt.X("label:O", title=None, sort=None, scale=alt.Scale(domain=labels), axis=axis)


def _apply_theme(chart: alt.Chart, theme: _Theme, mark: Mark) -> alt.Chart:
    import altair as alt

    styled: alt.Chart = (
        chart.properties(width=_WIDTH, height=_HEIGHT, background=theme.background, padding=16)
        .configure(font=_FONT, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        .configure_view(stroke=None)
        .configure_title(anchor="start", fontSize=16, color=theme.ink, offset=14, subtitleColor=theme.grey)
        .configure_axis(
            labelColor=theme.grey,
            labelFontSize=11,
            gridColor=theme.grid,
            domainColor=theme.grey,
            labelPadding=6,
        )
        .configure_axisY(domain=False, ticks=False)
        .configure_legend(
            orient="bottom",
            columns=_LEGEND_COLUMNS,
            labelColor=theme.ink,
            labelFontSize=11,
            labelLimit=220,
            symbolType="stroke" if mark is Mark.LINE else "square",
            symbolStrokeWidth=3,
        )
    )
    return styled


def _build_points(data: ChartData) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "series": name,
            "value": float(cell) if isinstance(cell, Decimal) else cell,
        }
        for name, cells in data.series
        for label, cell in zip(data.labels, cells, strict=True)
    ]


def _build_title(data: ChartData, chart: Chart) -> dict[str, Any]:
    count = len(data.series)
    subtitle = (
        {"subtitle": f"the {count} largest of {count + data.omitted_count} series"}
        if data.omitted_count
        else {}
    )
    return {"text": chart.title, **subtitle}
