"""The JavaScript that draws charts in the browser: it ships with vl-convert, and no other host is asked for it."""

import gzip
from functools import cache
from importlib.metadata import version
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestration.rendering import vega_script

ADDRESS = f"/static/vega-{version('vl-convert-python')}.js"
"""Another version is another address, so that browsers may keep this one for ever."""
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
_building = Lock()


def script(request: Request) -> Response:
    """The script, as this browser reads it. The first to ask waits some seconds until it is put together."""
    with _building:
        compressed = _compressed()
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(compressed), headers=_HEADERS, media_type="text/javascript")
    headers = {**_HEADERS, "Content-Encoding": "gzip"}
    return Response(compressed, headers=headers, media_type="text/javascript")


@cache
def _compressed() -> bytes:
    return gzip.compress(vega_script(), mtime=0)


ROUTES = [Route(ADDRESS, script)]
