"""The addresses `/search/…`: suggestions for the fields of the form, as JSON."""

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.builds.store import current_build
from orchestration.web.access import page
from orchestration.web.page_request import PageRequest
from orchestration.web.query_form import lookups
from orchestration.web.query_form.fields import FORM_NAMES, QueryFormData
from orchestration.web.query_form.lookups import KINDS, LookupMatch
from orchestration.web.query_form.validation import describe_interval

_MAX_SEARCH_LENGTH = 200
"""Characters of a search text that are used."""
_NO_STORE = {"Cache-Control": "no-store"}


@page(Role.ANALYST, query=("q",))
def find_names(request: PageRequest) -> Response:
    """Find tags, owners, packages or currencies with `q` in their name. Return the best 20."""
    kind = request.path.rpartition("/")[2]
    search_text = request.query.text("q")[:_MAX_SEARCH_LENGTH]
    with request.services.open_archive() as (_, connection), current_build(connection) as build:
        matches = lookups.find_matches(build, kind, search_text, request.signed_in_visitor.owner_id)
    return _send_matches(matches)


@page(Role.ANALYST, query=("q",))
def find_timezones(request: PageRequest) -> Response:
    """Find time zones with `q` in their name. Return the best 20."""
    return _send_matches(lookups.find_timezones(request.query.text("q")[:_MAX_SEARCH_LENGTH]))


@page(Role.ANALYST, query=FORM_NAMES)
def send_interval(request: PageRequest) -> Response:
    """Return the meaning of the form's interval now, in words. Return "" for a wrong interval."""
    form = QueryFormData.parse(request.query.pairs(FORM_NAMES))
    return JSONResponse({"words": describe_interval(form)}, headers=_NO_STORE)


def _send_matches(matches: list[LookupMatch]) -> Response:
    return JSONResponse({"matches": [match._asdict() for match in matches]}, headers=_NO_STORE)


ROUTES = [
    Route("/search/timezones", find_timezones),
    Route("/search/interval", send_interval),
    *(Route(f"/search/{kind}", find_names) for kind in KINDS),
]
