"""`/sign-in` and `/sign-out`: with a name and a password, or by way of the OpenID provider."""

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.settings import settings
from orchestration.web.buckets import Buckets, address
from orchestration.web.pages import page, posted
from orchestration.web.sign_in import users
from orchestration.web.visitor import visitor


class Tries:
    """How often somebody may try to sign in: from one address, and for one name from everywhere."""

    def __init__(self) -> None:
        self._of_addresses = Buckets(size=10, seconds=10)
        self._of_names = Buckets(size=20, seconds=60)

    def take(self, request: Request, name: str) -> int:
        """Takes a try. 0, or how many seconds to wait for one."""
        return self._of_addresses.take(address(request)) or self._of_names.take(name.lower())

    def give_back(self, request: Request, name: str) -> None:
        """The try was a good one: whoever knows the password is not slowed down."""
        self._of_addresses.give_back(address(request))
        self._of_names.give_back(name.lower())


def sign_in_page(request: Request) -> Response:
    """Asks who it is; whoever is signed in goes on to the page that they wanted (`next`)."""
    if visitor(request):
        return RedirectResponse(own_path(request.query_params.get("next", "/")), 303)
    return _form(request, next_page=request.query_params.get("next", "/"))


def sign_in(request: Request) -> Response:
    """Signs in with the fields `name` and `password`, and goes on to `next`."""
    sent = posted(request)
    name, password, next_page = (str(sent.get(field, "")) for field in ("name", "password", "next"))
    tries: Tries = request.app.state.tries
    if wait := tries.take(request, name):
        problem = f"There were too many tries. The next one is possible in {wait} seconds."
        answer = _form(request, 429, name=name, next_page=next_page, problem=problem)
        answer.headers["Retry-After"] = str(wait)
        return answer
    with request.app.state.open_archive() as (_, connection):
        known = users.check(connection, name.strip(), password)
        connection.commit()
    if known is None:
        problem = "This name and this password do not belong together."
        return _form(request, 401, name=name, next_page=next_page, problem=problem)
    tries.give_back(request, name)
    request.state.browser.sign_in(known)
    return RedirectResponse(own_path(next_page), 303)


def sign_out(request: Request) -> Response:
    """Ends the session, here and in the database."""
    request.state.browser.sign_out()
    return RedirectResponse("/sign-in", 303)


def own_path(asked: str) -> str:
    """Where to go on: `asked` when it is a path of ours, and the first page when it leads elsewhere."""
    return asked if re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", asked) else "/"


def _form(
    request: Request, status: int = 200, *, name: str = "", next_page: str = "/", problem: str = ""
) -> Response:
    with request.app.state.open_archive() as (_, connection):
        anybody = users.exist(connection)
    return page(
        request,
        "sign_in.html.j2",
        status,
        name=name,
        next_page=own_path(next_page),
        next_quoted=quote(own_path(next_page), safe=""),
        problem=problem,
        anybody=anybody,
        openid=settings().oidc_url is not None,
    )


ROUTES = [
    Route("/sign-in", sign_in_page),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
