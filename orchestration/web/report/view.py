"""`/view`: one snapshot as a page, and its files as they were stored."""

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestration.archive import Snapshot, StoredFile
from orchestration.rendering import CHARTS, FORMATS, html_table, layouts
from orchestration.web.pages import message_page, page

if TYPE_CHECKING:
    from orchestration.web.app import OpenArchive
    from orchestration.web.report.kept_pages import KeptPages

_REVALIDATE = {"Cache-Control": "private, no-cache"}
"""A copy may be kept but must be asked about, since a link can be revoked."""


async def view(request: Request) -> Response:
    """The snapshot that `id` names, or with `format` one of its files (interfaces: Web)."""
    if "format" in request.query_params:
        return await run_in_threadpool(_download, request)
    snapshot_id = request.query_params.get("id", "")
    pages: KeptPages = request.app.state.pages
    kept = await pages.open(snapshot_id, partial(_rendered, request.app.state.open_archive, snapshot_id))
    request.app.state.opens.count(snapshot_id)
    return kept.answer(request)


def header(request: Request) -> Response:
    """The header as this visitor sees it, for the report's page, which is the same for everybody."""
    return page(request, "report_header.html.j2")


def stored_file(snapshot: Snapshot, fmt: str, known: str) -> Response:
    """The bytes of one format as they were stored; 304 when `known` (If-None-Match) names them, 400 for no format."""
    file = snapshot.manifest.files.get(fmt) if fmt in FORMATS else None
    if file is None:
        return message_page(400, "There is no such format", f"A report can be had as {', '.join(FORMATS)}.")
    etag = f'"{file.sha256}"'
    headers = {**_REVALIDATE, "ETag": etag}
    if etag in known:
        return Response(status_code=304, headers=headers)
    headers |= {"Content-Type": file.content_type, "Content-Disposition": _disposition(file)}
    return Response(snapshot.read(fmt), headers=headers)


def _rendered(open_archive: "OpenArchive", snapshot_id: str) -> bytes:
    """The report as a page, the same for everybody. Raises SnapshotDamaged rather than show what was not kept."""
    with open_archive() as (archive, _):
        snapshot = archive.open(snapshot_id)
        table = snapshot.table()
    values = {
        "snapshot": snapshot,
        "table": html_table(table),
        "files": {fmt: file for fmt, file in snapshot.manifest.files.items() if fmt in FORMATS},
        "charts": {name: chart.title for name, chart in CHARTS.items()},
    }
    return layouts().get_template("view.html.j2").render(values).encode()


def _download(request: Request) -> Response:
    asked = request.query_params
    with request.app.state.open_archive() as (archive, _):
        snapshot = archive.open(asked.get("id", ""))
        return stored_file(snapshot, asked["format"], request.headers.get("if-none-match", ""))


def _disposition(file: StoredFile) -> str:
    """Saved under its name: in full for browsers that read RFC 5987, in ASCII for the rest."""
    plain = "".join(
        char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in file.filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.filename, safe='')}"


ROUTES = [Route("/view", view), Route("/view/header", header)]
