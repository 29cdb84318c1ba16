"""The page `/chart`: a chart of a stored report, as a page, a picture or a spec.

The address describes the whole chart.
"""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestration.archive import Snapshot
from orchestration.errors import RequestError
from orchestration.rendering import (
    CHART_PRESETS,
    Chart,
    Mark,
    build_chart_rows,
    build_chart_spec,
    draw_chart,
    find_chart_preset,
    select_chart_data,
)
from orchestration.reporting.table import ReportTable
from orchestration.web.access import PUBLIC, page
from orchestration.web.page_request import DeclaredValues, PageRequest
from orchestration.web.pages import render_message, render_page
from orchestration.web.report import vega_script
from orchestration.web.report.view import LINK_STATUSES, REVALIDATE

_PICTURE_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
_CHART_NAMES = ("chart", "row", "mark", "stack", "package", "first", "last")


@page(PUBLIC, query=("id", "format", "theme", *_CHART_NAMES), statuses=(200, 400, *LINK_STATUSES))
def show_chart(request: PageRequest) -> Response:
    """Show a chart of the snapshot `id`. The link of the report is the only permission it needs.

    `chart` names a preset, or each `row` names a row (`Balance Refill: Total`). `mark`, `stack`,
    `package`, `first` and `last` are the fields of `Chart`. `format` is `json` for the spec, or
    `svg` or `png` for a picture. `theme=dark` chooses dark colours.
    """
    with request.services.open_archive() as (archive, _):
        snapshot = archive.open(request.query.text("id"))
        table = snapshot.table()
    try:
        chart = parse_chart(request.query, table)
        picture = _draw_picture(request.query, table, chart) if "format" in request.query else None
    except RequestError as error:
        if "format" in request.query:
            return render_message(400, "Unknown chart", str(error))
        return _render_chart(request, snapshot, table, Chart(()), str(error))
    return picture or _render_chart(request, snapshot, table, chart)


def parse_chart(query: DeclaredValues, table: ReportTable) -> Chart:
    """Return the chart of the table that an address describes.

    Raise RequestError for an unknown preset, row or mark.
    """
    mark = query.text("mark")
    if mark not in ("", *Mark):
        raise RequestError(f"unknown chart type {mark!r}: use {', '.join(Mark)}")
    preset = query.text("chart")
    rows = find_chart_preset(preset).rows if preset else tuple(query.texts("row"))
    known_rows = build_chart_rows(table)
    for row in rows:
        if row not in known_rows:
            raise RequestError(f"unknown row {row!r}: use {', '.join(known_rows)}")
    return Chart(
        rows=rows,
        mark=Mark(mark) if mark else None,
        stacked=bool(query.text("stack")),
        packages=tuple(query.texts("package")),
        first=query.text("first"),
        last=query.text("last"),
    )


def _draw_picture(query: DeclaredValues, table: ReportTable, chart: Chart) -> Response:
    make_spec = partial(build_chart_spec, table, chart, dark=query.text("theme") == "dark")
    fmt = query.text("format")
    if fmt == "json":
        return JSONResponse(make_spec(), headers=REVALIDATE)
    if fmt not in _PICTURE_TYPES:
        raise RequestError(f"unknown format {fmt!r}: use {', '.join([*_PICTURE_TYPES, 'json'])}")
    return Response(draw_chart(make_spec(), fmt), media_type=_PICTURE_TYPES[fmt], headers=REVALIDATE)


def _render_chart(
    request: PageRequest, snapshot: Snapshot, table: ReportTable, chart: Chart, problem: str = ""
) -> Response:
    try:
        data = select_chart_data(table, chart)
    except RequestError as error:
        data, problem = select_chart_data(table, Chart(())), str(error)
    parameters: dict[str, Any] = {
        "id": snapshot.manifest.id,
        "row": list(chart.rows),
        "mark": chart.mark or "",
        "stack": "on" if chart.stacked else "",
        "package": list(chart.packages),
        "first": chart.first,
        "last": chart.last,
    }
    parameters = {name: value for name, value in parameters.items() if value}
    return render_page(
        request,
        "report_chart.html.j2",
        400 if problem else 200,
        manifest=snapshot.manifest,
        table=table,
        chart=chart,
        data=data,
        has_no_values=all(cell is None for _, cells in data.series for cell in cells),
        problem=problem,
        address=f"/chart?{urlencode(parameters, doseq=True)}",
        charts={name: preset.title for name, preset in CHART_PRESETS.items()},
        rows=build_chart_rows(table),
        sections=list(dict.fromkeys(metric.section for metric in table.metrics)),
        marks=list(Mark),
        vega=vega_script.ADDRESS,
    )


ROUTES = [Route("/chart", show_chart)]
