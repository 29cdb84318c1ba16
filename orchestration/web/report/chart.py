"""`/chart`: a chart of a stored report, as a page, a picture or a spec. Its address says all about it."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestration.archive import Snapshot
from orchestration.errors import RequestError
from orchestration.rendering import CHARTS, ROWS, Chart, Mark, chart_spec, draw, plot, preset_named
from orchestration.reporting.table import ReportTable
from orchestration.web.pages import message_page, page
from orchestration.web.report import vega_script

_PICTURES = {"svg": "image/svg+xml", "png": "image/png"}
_REVALIDATE = {"Cache-Control": "private, no-cache"}


def chart(request: Request) -> Response:
    """The chart that the parameters ask for, of the snapshot that `id` names; the link alone opens it.

    `chart` is a preset's name, or `row`s name rows (`Balance Refill: Total`); `mark`, `stack`, `package`s, `first`
    and `last` as `Chart` has them. `format` gives the spec (`json`) or a picture (`svg`, `png`), `theme=dark` in
    dark colours.
    """
    asked = request.query_params
    with request.app.state.open_archive() as (archive, _):
        snapshot = archive.open(asked.get("id", ""))
        table = snapshot.table()
    try:
        wanted = chart_of(asked)
        answer = _picture(asked, table, wanted) if "format" in asked else None
    except RequestError as error:
        if "format" in asked:
            return message_page(400, "There is no such chart", str(error))
        return _page(request, snapshot, table, Chart(()), str(error))
    return answer or _page(request, snapshot, table, wanted)


def chart_of(asked: QueryParams) -> Chart:
    """The chart that an address asks for. Raises RequestError for a preset, row or mark that there is not."""
    mark = asked.get("mark", "")
    if mark not in ("", *Mark):
        raise RequestError(f"there is no chart of {mark!r}: use {', '.join(Mark)}")
    rows = preset_named(asked["chart"]).rows if asked.get("chart") else tuple(asked.getlist("row"))
    for row in rows:
        if row not in ROWS:
            raise RequestError(f"there is no row {row!r}: use {', '.join(ROWS)}")
    return Chart(
        rows=rows,
        mark=Mark(mark) if mark else None,
        stacked=bool(asked.get("stack")),
        packages=tuple(asked.getlist("package")),
        first=asked.get("first", ""),
        last=asked.get("last", ""),
    )


def _picture(asked: QueryParams, table: ReportTable, wanted: Chart) -> Response:
    spec, fmt = partial(chart_spec, table, wanted, dark=asked.get("theme") == "dark"), asked["format"]
    if fmt == "json":
        return JSONResponse(spec(), headers=_REVALIDATE)
    if fmt not in _PICTURES:
        raise RequestError(f"there is no format {fmt!r}: use {', '.join([*_PICTURES, 'json'])}")
    return Response(draw(spec(), fmt), media_type=_PICTURES[fmt], headers=_REVALIDATE)


def _page(
    request: Request, snapshot: Snapshot, table: ReportTable, wanted: Chart, problem: str = ""
) -> Response:
    try:
        drawn = plot(table, wanted)
    except RequestError as error:
        drawn, problem = plot(table, Chart(())), str(error)
    asked: dict[str, Any] = {
        "id": snapshot.manifest.id,
        "row": list(wanted.rows),
        "mark": wanted.mark or "",
        "stack": "on" if wanted.stacked else "",
        "package": list(wanted.packages),
        "first": wanted.first,
        "last": wanted.last,
    }
    return page(
        request,
        "report_chart.html.j2",
        400 if problem else 200,
        manifest=snapshot.manifest,
        table=table,
        chart=wanted,
        drawn=drawn,
        says_nothing=all(cell is None for _, cells in drawn.series for cell in cells),
        problem=problem,
        address=f"/chart?{urlencode({name: value for name, value in asked.items() if value}, doseq=True)}",
        charts={name: preset.title for name, preset in CHARTS.items()},
        rows=ROWS,
        sections=list(dict.fromkeys(row.section for row in ROWS.values())),
        marks=list(Mark),
        vega=vega_script.ADDRESS,
    )


ROUTES = [Route("/chart", chart)]
