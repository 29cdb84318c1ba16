"""What is in the archive, as answers to a browser."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

from orchestration.archive import Snapshot, StoredFile
from orchestration.rendering import FORMATS, html_table, layouts

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


def message_page(status: int, heading: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """A page that says one thing. Nothing of the request is in it, so that equal answers are equal bytes."""
    html = layouts().get_template("message.html.j2").render(heading=heading, text=text)
    return HTMLResponse(html, status, {"Cache-Control": "no-store", **(headers or {})})


def _disposition(file: StoredFile) -> str:
    """Saved under its name: in full for browsers that read RFC 5987, in ASCII for the rest."""
    plain = "".join(
        char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in file.filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.filename, safe='')}"
