"""HTML responses made from the layouts."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, Response

from orchestration.rendering import layouts
from orchestration.web.page_request import PageRequest


def render_page(request: PageRequest, layout: str, status: int = 200, /, **values: Any) -> Response:
    """Return the page of that layout. A layout also gets `visitor`, `csrf` and `path`.

    These three belong to one browser, so the response must not be cached. A page that many visitors
    share must be rendered without them.
    """
    html = (
        layouts()
        .get_template(layout)
        .render(visitor=request.visitor, csrf=request.browser.csrf, path=request.path, **values)
    )
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def to_sentence(text: str) -> str:
    """Return the text with a capital letter, and with a full stop unless it ends with a mark."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"


def render_message(
    status: int, heading: str, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a page with one message.

    It holds nothing of the request: equal messages are equal bytes.
    """
    html = layouts().get_template("message.html.j2").render(heading=heading, text=text)
    return HTMLResponse(html, status, {"Cache-Control": "no-store", **(headers or {})})
