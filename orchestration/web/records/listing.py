"""A listing of any length as a file to save, written and sent a part at a time."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from starlette.responses import Response, StreamingResponse

from orchestration.rendering import FORMATS, render_listing
from orchestration.rendering.spreadsheet import Value
from orchestration.web.pages import message_page

_FORMATS = ("csv", "xlsx")
_IN_MEMORY = 4 * 1024 * 1024
_PART = 64 * 1024


def listing(columns: Sequence[str], rows: Iterable[Sequence[Value]], fmt: str, stem: str) -> Response:
    """The file of that format under the name `stem` (ASCII); 400 for a format that listings do not have."""
    if fmt not in _FORMATS:
        return message_page(400, "There is no such format", f"A list can be had as {', '.join(_FORMATS)}.")
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when all of it is sent
    render_listing(columns, rows, fmt, file)
    file.seek(0)
    headers = {
        "Content-Disposition": f'attachment; filename="{stem}.{fmt}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_parts(file), headers=headers, media_type=FORMATS[fmt].content_type)


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(_PART):
            yield part
