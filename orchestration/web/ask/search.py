"""`/search/…`: what the form's fields find while somebody types, and the days that a named interval means now."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestration.builds.store import current_build
from orchestration.web.ask.asked import Asked
from orchestration.web.ask.checking import interval_now
from orchestration.web.ask.known import KINDS, MOST, Found, search, search_timezones
from orchestration.web.visitor import Role, needs, signed_in

_LONGEST = 200
"""Letters that a search takes; no name is told from its like by more."""


@needs(Role.ANALYST)
def find(request: Request) -> Response:
    """What of a kind (tags, owners, packages, currencies) has `q` in it, as JSON; the first 20, the best first."""
    asked = request.query_params.get("q", "")[:_LONGEST]
    with request.app.state.open_archive() as (_, connection), current_build(connection) as build:
        found = search(build, request.url.path.rpartition("/")[2], asked, signed_in(request).owner_id)
    return _answer(found)


@needs(Role.ANALYST)
def find_timezones(request: Request) -> Response:
    """The timezones that have `q` in their name, as JSON."""
    return _answer(search_timezones(request.query_params.get("q", "")[:_LONGEST]))


@needs(Role.ANALYST)
def interval(request: Request) -> Response:
    """In words, as JSON: what the interval and timezone of a form mean at this moment; nothing for wrong ones."""
    return JSONResponse({"words": interval_now(Asked.read(request.query_params))}, headers=_FRESH)


_FRESH = {"Cache-Control": "no-store"}


def _answer(found: list[Found]) -> Response:
    return JSONResponse({"found": [each._asdict() for each in found], "most": MOST}, headers=_FRESH)


ROUTES = [
    Route("/search/timezones", find_timezones),
    Route("/search/interval", interval),
    *(Route(f"/search/{kind}", find) for kind in KINDS),
]
