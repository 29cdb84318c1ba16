"""The pages `/sign-in` and `/sign-out`."""

import re
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts import users
from orchestration.settings import settings
from orchestration.web.access import PUBLIC, page
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page


@page(PUBLIC, query=("next",), statuses=(200, 303))
def show_sign_in(request: PageRequest) -> Response:
    """Show the sign-in form. Redirect a visitor who is signed in already to the page `next`."""
    next_page = request.query.text("next", "/")
    if request.visitor:
        return RedirectResponse(to_own_path(next_page), 303)
    return _render_form(request, next_page=next_page)


@page(PUBLIC, form=("name", "password", "next"), statuses=(303, 401, 429))
def sign_in(request: PageRequest) -> Response:
    """Sign in with a name and a password. Redirect to the page `next`."""
    name, password, next_page = (request.form.text(field) for field in ("name", "password", "next"))
    limit = request.services.sign_in_limit
    if wait := limit.take(request.client_key, name):
        problem = f"Too many attempts. Try again in {wait} seconds."
        response = _render_form(request, 429, name=name, next_page=next_page, problem=problem)
        response.headers["Retry-After"] = str(wait)
        return response
    with request.services.open_archive() as (_, connection):
        user_name = users.authenticate(connection, name.strip(), password)
        connection.commit()
    if user_name is None:
        problem = "The name or the password is wrong."
        return _render_form(request, 401, name=name, next_page=next_page, problem=problem)
    limit.give_back(request.client_key, name)
    request.browser.sign_in(user_name)
    return RedirectResponse(to_own_path(next_page), 303)


@page(PUBLIC, statuses=(303,))
def sign_out(request: PageRequest) -> Response:
    """End the session."""
    request.browser.sign_out()
    return RedirectResponse("/sign-in", 303)


def to_own_path(address: str) -> str:
    """Return the address if it is a path of this site. Return `/` for any other address."""
    return address if re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", address) else "/"


def _render_form(
    request: PageRequest, status: int = 200, *, name: str = "", next_page: str = "/", problem: str = ""
) -> Response:
    with request.services.open_archive() as (_, connection):
        has_users = users.has_users(connection)
    return render_page(
        request,
        "sign_in.html.j2",
        status,
        name=name,
        next_page=to_own_path(next_page),
        next_page_quoted=quote(to_own_path(next_page), safe=""),
        problem=problem,
        has_users=has_users,
        has_openid=settings().oidc_url is not None,
    )


ROUTES = [
    Route("/sign-in", show_sign_in),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
