"""HTML responses made from the layouts."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, Response

from orchestration.rendering import load_layouts
from orchestration.web.page_request import PageRequest


def render_page(request: PageRequest, layout: str, status: int = 200, /, **values: Any) -> Response:
    """Return the page of that layout. A layout also gets `visitor`, `csrf` and `path`.

    These three belong to one browser, so the response must not be cached. A page that many visitors
    share must be rendered without them.
    """
    html = (
        load_layouts()
        .get_template(layout)
        .render(visitor=request.visitor, csrf=request.browser.csrf, path=request.path, **values)
    )
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def render_message(
    status: int, heading: str, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a page with one message.

    It holds nothing of the request: equal messages are equal bytes.
    """
    html = load_layouts().get_template("message.html.j2").render(heading=heading, text=text)
    return HTMLResponse(html, status, {"Cache-Control": "no-store", **(headers or {})})
