"""The declaration of a page: who may open it, what it reads from a request, and how it answers."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.accounts.visitor import Role
from orchestration.web.page_request import DeclaredValues, PageRequest

PUBLIC = None
"""The role of a page that opens without signing in."""

SyncHandler = Callable[[PageRequest], Response]
AsyncHandler = Callable[[PageRequest], Awaitable[Response]]
Handler = SyncHandler | AsyncHandler
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """The declaration of a page."""

    role: Role | None
    """The lowest role that may open the page. PUBLIC if no role is needed."""
    query: tuple[str, ...]
    """The names that the page reads from the query string."""
    form: tuple[str, ...]
    """The names that the page reads from the form."""
    statuses: tuple[int, ...]
    """The status codes of the page itself.

    `@page` and the middleware add their own status codes.
    """


def page(
    role: Role | None,
    *,
    query: tuple[str, ...] = (),
    form: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (200,),
) -> Callable[[Handler], Endpoint]:
    """Declare the function below as a page.

    The handler gets a `PageRequest`, which gives the declared names and no others. `/openapi.json`
    describes the page by the same declaration, so the description matches what the handler reads.
    A visitor without a session goes to the sign-in page. A visitor in a lower role gets 403.
    """
    declaration = Page(role, query, form, statuses)

    def declare(handler: Handler) -> Endpoint:
        is_async = inspect.iscoroutinefunction(handler)

        @functools.wraps(handler)
        async def endpoint(request: Request) -> Response:
            if role is not None:
                redirect = await run_in_threadpool(_check_role, request, role)
                if redirect is not None:
                    return redirect
            sent = await request.form() if form else FormData()
            page_request = PageRequest(
                request,
                DeclaredValues(query, request.query_params.multi_items()),
                DeclaredValues(form, sent.multi_items()),
            )
            if is_async:
                return await cast("AsyncHandler", handler)(page_request)
            return await run_in_threadpool(cast("SyncHandler", handler), page_request)

        endpoint.__dict__["page"] = declaration
        return endpoint

    return declare


def get_page(endpoint: Callable[..., Any]) -> Page:
    """Return the declaration of a page. Raise TypeError for a function without `@page`."""
    declaration: Page | None = getattr(endpoint, "page", None)
    if declaration is None:
        raise TypeError(f"{endpoint!r} answers requests without @page: declare its role and its names")
    return declaration


def _check_role(request: Request, role: Role) -> Response | None:
    """Return a redirect to the sign-in page if no visitor is signed in.

    Raise HTTPException 403 if the visitor's role is too low, and for a form without a session.
    """
    visitor = request.state.browser.visitor
    if visitor is None:
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(403)
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(address, safe='')}", 303)
    if not visitor.may(role):
        raise HTTPException(403)
    return None
