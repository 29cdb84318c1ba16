"""The page `/view`: one snapshot, and its files as they are stored."""

from functools import partial
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from orchestration.archive import Snapshot, StoredFile
from orchestration.connections import OpenArchive
from orchestration.rendering import CHART_PRESETS, FORMATS, html_table, load_layouts
from orchestration.web.access import PUBLIC, page
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_message, render_page

REVALIDATE = {"Cache-Control": "private, no-cache"}
"""A browser may keep a copy but must ask each time, because a link can be revoked."""

LINK_STATUSES = (404, 429)
"""The status codes of a page that takes the id of a snapshot."""


@page(PUBLIC, query=("id", "format"), statuses=(200, 304, 400, *LINK_STATUSES))
async def view(request: PageRequest) -> Response:
    """Show the snapshot `id`, or return its file in the given `format`."""
    if "format" in request.query:
        return await run_in_threadpool(_download, request)
    snapshot_id = request.query.text("id")
    services = request.services
    render = partial(_render_snapshot, services.open_archive, snapshot_id)
    cached_page = await services.page_cache.get(snapshot_id, render)
    services.view_counter.count(snapshot_id)
    return cached_page.respond(request.headers)


@page(PUBLIC)
def header(request: PageRequest) -> Response:
    """Return the page header of this visitor.

    The report page, which all visitors share, fetches it.
    """
    return render_page(request, "report_header.html.j2")


def _render_snapshot(open_archive: OpenArchive, snapshot_id: str) -> bytes:
    """Return the page of the snapshot, which is the same for all visitors.

    Raise SnapshotDamaged if the stored files differ from the original.
    """
    with open_archive() as (archive, _):
        snapshot = archive.open(snapshot_id)
        table = snapshot.table()
    values = {
        "snapshot": snapshot,
        "table": html_table(table),
        "files": {fmt: file for fmt, file in snapshot.manifest.files.items() if fmt in FORMATS},
        "charts": {name: chart.title for name, chart in CHART_PRESETS.items()},
    }
    return load_layouts().get_template("view.html.j2").render(values).encode()


def _download(request: PageRequest) -> Response:
    with request.services.open_archive() as (archive, _):
        snapshot = archive.open(request.query.text("id"))
        return _send_file(snapshot, request.query.text("format"), request.headers.get("if-none-match", ""))


def _send_file(snapshot: Snapshot, fmt: str, if_none_match: str) -> Response:
    """Return the stored bytes of one format, or 304 if the browser has them already."""
    file = snapshot.manifest.files.get(fmt) if fmt in FORMATS else None
    if file is None:
        return render_message(400, "Unknown format", f"Choose one of these formats: {', '.join(FORMATS)}.")
    etag = f'"{file.sha256}"'
    headers = {**REVALIDATE, "ETag": etag}
    if etag in if_none_match:
        return Response(status_code=304, headers=headers)
    headers |= {"Content-Type": file.content_type, "Content-Disposition": _content_disposition(file)}
    return Response(snapshot.read(fmt), headers=headers)


def _content_disposition(file: StoredFile) -> str:
    """Return the header that names the file: in ASCII, and in full as RFC 5987 defines it."""
    ascii_name = "".join(
        char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in file.filename
    )
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(file.filename, safe='')}"


ROUTES = [Route("/view", view), Route("/view/header", header)]
