"""The page `/`: the query form, filled from its address or from a saved query."""

import secrets
from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.domain import ClientType
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.reporting.query_parameters import QUERY_PARAMETERS
from orchestration.settings import settings
from orchestration.web.access import page
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page
from orchestration.web.query_form.fields import FORM_NAMES, OUTPUTS, QueryFormData
from orchestration.web.query_form.saved_query_access import load_visible
from orchestration.web.query_form.validation import InvalidForm, describe_interval, resolve_query

INTERVALS = (
    *("today", "yesterday"),
    *(f"{which} {unit}" for unit in ("week", "month", "quarter", "year") for which in ("this", "previous")),
)
CLIENT_TYPES = {client_type.value: client_type.value.replace("_", " ").title() for client_type in ClientType}
GROUPS = {"year": "Year", "month": "Month", "date": "Date", "package_name": "Package Name"}


@page(Role.VIEWER, query=(*FORM_NAMES, "saved"), statuses=(200, 303))
def show_form(request: PageRequest) -> Response:
    """Show the form that the address describes, or the saved query `saved`.

    Viewers see the archive.
    """
    visitor = request.signed_in_visitor
    if not visitor.may(Role.ANALYST):
        return RedirectResponse("/archive", 303)
    form, saved = QueryFormData.parse(request.query.pairs(FORM_NAMES)), request.query.text("saved")
    try:
        if saved and not form.fields:
            saved_query = load_visible(visitor, saved, request.services.open_archive)
            form = QueryFormData.from_query(saved_query.query)
        elif form.fields:
            with request.services.open_archive() as (_, connection):
                resolve_query(form, visitor, connection)
    except InvalidForm as error:
        return render_form(request, 200, form, saved, error.problems)
    except Unavailable:
        raise
    except DynamicsError as error:
        return render_form(request, 200, form if form.fields else QueryFormData.default(), notice=str(error))
    return render_form(request, 200, form if form.fields else QueryFormData.default(), saved)


def render_form(
    request: PageRequest,
    status: int,
    form: QueryFormData,
    saved: str = "",
    problems: Mapping[str, str] | None = None,
    notice: str = "",
) -> Response:
    """Return the page with the form.

    `problems` appear beside their fields, and `notice` appears above all fields. `saved` is the
    name of the saved query that the form was loaded from.
    """
    visitor = request.signed_in_visitor
    title = ""
    if saved:
        try:
            title = load_visible(visitor, saved, request.services.open_archive).title
        except RequestError:
            saved = ""  # the saved query of an old bookmark is gone; its parameters are in the address
    return render_page(
        request,
        "query_form.html.j2",
        status,
        form=form,
        parameters=QUERY_PARAMETERS,
        interval=split_interval(form.text("interval")),
        interval_description=describe_interval(form),
        saved=saved,
        saved_title=title,
        problems=problems or {},
        notice=notice,
        token=secrets.token_urlsafe(24),
        owner_id=visitor.owner_id,
        base_currency=settings().base_currency,
        intervals=INTERVALS,
        client_types=CLIENT_TYPES,
        groups=GROUPS,
        outputs=OUTPUTS,
    )


def split_interval(interval: str) -> dict[str, str]:
    """Return an interval as three fields: a name, or `last` with a number and a unit."""
    words = interval.split()
    if words[:1] == ["last"]:
        count, unit = (*words[1:], "", "")[:2]
        return {"choice": "last", "last": count, "unit": f"{unit.removesuffix('s')}s"}
    return {"choice": interval, "last": "12", "unit": "months"}


ROUTES = [Route("/", show_form)]
