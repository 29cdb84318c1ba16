"""`/`: the query form, as it first meets somebody, or as its address or a saved query fills it."""

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.settings import settings
from orchestration.web.ask.asked import OUTPUTS, Asked
from orchestration.web.ask.checking import Refused, interval_now, query_of
from orchestration.web.ask.load import load
from orchestration.web.pages import page
from orchestration.web.visitor import Role, needs, signed_in

INTERVALS = (
    *("today", "yesterday"),
    *(f"{which} {unit}" for unit in ("week", "month", "quarter", "year") for which in ("this", "previous")),
)
CLIENT_TYPES = {
    "client": "Client",
    "reseller": "Reseller",
    "calling_card": "Calling Card",
    "call_shop": "Call Shop",
}
GROUPS = {"year": "Year", "month": "Month", "date": "Date", "package_name": "Package Name"}


@needs(Role.VIEWER)
def form(request: Request) -> Response:
    """The form. Its address says what is in it; `saved` alone loads a saved query. Viewers are shown the archive."""
    visitor = signed_in(request)
    if not visitor.may(Role.ANALYST):
        return RedirectResponse("/archive", 303)
    asked, saved = Asked.read(request.query_params), request.query_params.get("saved", "")
    try:
        if saved and not asked.fields:
            asked = Asked.of_query(load(visitor, saved, request.app.state.open_archive).query)
        elif asked.fields:
            with request.app.state.open_archive() as (_, connection):
                query_of(asked, visitor, connection)
    except Refused as refused:
        return form_page(request, 200, asked, saved, refused.problems)
    except Unavailable:
        raise
    except DynamicsError as error:
        return form_page(request, 200, asked if asked.fields else Asked.default(), notice=str(error))
    return form_page(request, 200, asked if asked.fields else Asked.default(), saved)


def form_page(
    request: Request,
    status: int,
    asked: Asked,
    saved: str = "",
    problems: Mapping[str, str] | None = None,
    notice: str = "",
) -> Response:
    """The form, filled; `problems` are shown beside their fields, the notice above all. `saved` is whose query it was."""
    visitor = signed_in(request)
    title = ""
    if saved:
        try:
            title = load(visitor, saved, request.app.state.open_archive).title
        except RequestError:
            saved = (
                ""  # a bookmark outlives what it was made of; the parameters beside it are all that counts
            )
    return page(
        request,
        "ask_form.html.j2",
        status,
        asked=asked,
        interval=interval_fields(asked.one("interval")),
        interval_now=interval_now(asked),
        saved=saved,
        saved_title=title,
        problems=problems or {},
        notice=notice,
        token=secrets.token_urlsafe(24),
        bound=visitor.owner_id,
        base_currency=settings().base_currency,
        intervals=INTERVALS,
        client_types=CLIENT_TYPES,
        groups=GROUPS,
        outputs=OUTPUTS,
    )


def interval_fields(interval: str) -> dict[str, str]:
    """An interval as the form's fields show it: a name to choose, or `last` with its number and unit."""
    words = interval.split()
    if words[:1] == ["last"]:
        count, unit = (*words[1:], "", "")[:2]
        return {"choice": "last", "last": count, "unit": f"{unit.removesuffix('s')}s"}
    return {"choice": interval, "last": "12", "unit": "months"}


ROUTES = [Route("/", form)]
