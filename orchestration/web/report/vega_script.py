"""The JavaScript that draws charts in the browser. The package vl-convert contains it."""

import gzip
from functools import cache
from importlib.metadata import version
from threading import Lock

from starlette.responses import Response
from starlette.routing import Route

from orchestration.rendering import build_vega_script
from orchestration.web.access import PUBLIC, page
from orchestration.web.page_request import PageRequest

ADDRESS = f"/static/vega-{version('vl-convert-python')}.js"
"""Each version has its own address, so a browser may keep the script for ever."""
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
_build_lock = Lock()


@page(PUBLIC)
def send_script(request: PageRequest) -> Response:
    """Return the script. The first request builds it, which takes some seconds."""
    with _build_lock:
        compressed = _build_compressed()
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(compressed), headers=_HEADERS, media_type="text/javascript")
    headers = {**_HEADERS, "Content-Encoding": "gzip"}
    return Response(compressed, headers=headers, media_type="text/javascript")


@cache
def _build_compressed() -> bytes:
    return gzip.compress(build_vega_script(), mtime=0)


ROUTES = [Route(ADDRESS, send_script)]
