"""`/view`: one snapshot as a page, and its files as they were stored."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from orchestration.archive import Snapshot, StoredFile
from orchestration.rendering import FORMATS, html_table, layouts
from orchestration.web.pages import message_page

_REVALIDATE = {"Cache-Control": "private, no-cache"}
"""A copy may be kept but must be asked about, since a link can be revoked."""


def snapshot_page(snapshot: Snapshot) -> Response:
    """The report as a page. Raises SnapshotDamaged rather than show a number that was not kept."""
    table = html_table(snapshot.table())
    downloads = [
        (fmt, FORMATS[fmt].label, file) for fmt, file in snapshot.manifest.files.items() if fmt in FORMATS
    ]
    html = layouts().get_template("view.html.j2").render(snapshot=snapshot, table=table, downloads=downloads)
    return HTMLResponse(html, headers=_REVALIDATE)


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


def view(request: Request) -> Response:
    """The snapshot that `id` names, or with `format` one of its files (interfaces: Web)."""
    with request.app.state.open_archive() as (archive, _):
        snapshot = archive.open(request.query_params.get("id", ""))
        fmt = request.query_params.get("format")
        if fmt is None:
            return snapshot_page(snapshot)
        return stored_file(snapshot, fmt, request.headers.get("if-none-match", ""))


def _disposition(file: StoredFile) -> str:
    """Saved under its name: in full for browsers that read RFC 5987, in ASCII for the rest."""
    plain = "".join(
        char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in file.filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.filename, safe='')}"


ROUTES = [Route("/view", view)]
