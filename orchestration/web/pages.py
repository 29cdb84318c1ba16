"""Pages from the layouts, for whoever is looking."""

from collections.abc import Mapping
from typing import Any

from anyio import from_thread
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from orchestration.rendering import layouts
from orchestration.web.visitor import visitor


def page(request: Request, layout: str, status: int = 200, /, **values: Any) -> Response:
    """The page of that layout, kept by nobody. Beside `values` a layout has `visitor`, `csrf` and `path`.

    It is this browser's own: what is kept and shown to others must be rendered without those three.
    """
    html = (
        layouts()
        .get_template(layout)
        .render(
            visitor=visitor(request),
            csrf=request.state.browser.csrf,
            path=request.url.path,
            **values,
        )
    )
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def posted(request: Request) -> FormData:
    """The form that was sent, for handlers in a thread."""

    async def read() -> FormData:
        return await request.form()

    return from_thread.run(read)


def message_page(status: int, heading: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """A page that says one thing. Nothing of the request is in it, so that equal answers are equal bytes."""
    html = layouts().get_template("message.html.j2").render(heading=heading, text=text)
    return HTMLResponse(html, status, {"Cache-Control": "no-store", **(headers or {})})
