"""A list of any length as a file to download. The file is sent in chunks."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from starlette.responses import Response, StreamingResponse

from orchestration.rendering import FORMATS, render_listing
from orchestration.rendering.sheet import ListingValue
from orchestration.web.pages import render_message

_EXPORT_FORMATS = ("csv", "xlsx")
_MAX_BYTES_IN_MEMORY = 4 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


def export_list(
    columns: Sequence[str], rows: Iterable[Sequence[ListingValue]], fmt: str, stem: str
) -> Response:
    """Return a file with the rows. `stem` is its name without the extension, in ASCII.

    Return a page with status 400 if lists do not have the format.
    """
    if fmt not in _EXPORT_FORMATS:
        return render_message(
            400, "Unknown format", f"Choose one of these formats: {', '.join(_EXPORT_FORMATS)}."
        )
    file = tempfile.SpooledTemporaryFile(_MAX_BYTES_IN_MEMORY)  # noqa: SIM115 - _read_chunks closes it
    render_listing(columns, rows, fmt, file)
    file.seek(0)
    headers = {
        "Content-Disposition": f'attachment; filename="{stem}.{fmt}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_read_chunks(file), headers=headers, media_type=FORMATS[fmt].content_type)


def _read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
