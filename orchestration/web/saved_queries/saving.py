"""The page `/saved/new`, which writes the file of a saved query."""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.domain import MAIL_FORMATS
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.rendering import CHART_PRESETS
from orchestration.reporting.query_parameters import QUERY_PARAMETERS
from orchestration.saved_queries.reader import SavedQueryError
from orchestration.saved_queries.writer import (
    NameTaken,
    format_yaml,
    parse_keys,
    read_text,
    require_name,
    write_saved_query,
)
from orchestration.settings import settings
from orchestration.web.access import page
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page
from orchestration.web.query_form import fields as query_fields
from orchestration.web.query_form.fields import QueryFormData
from orchestration.web.query_form.saved_query_access import load_visible
from orchestration.web.query_form.validation import InvalidForm, resolve_query
from orchestration.web.saved_queries.fields import FORM_NAMES, RECIPIENT_LABELS, SaveQueryForm

_QUERY_NAMES = (*query_fields.FORM_NAMES, "saved")

_FIELD_OF_KEY = {"delivery.timezone": "schedule_timezone", "delivery": "send_to", "": "name"}
"""The field of a YAML key, where the last part of the key is not the field's name."""


@page(Role.ANALYST, query=_QUERY_NAMES, statuses=(200, 303))
def show_form(request: PageRequest) -> Response:
    """Show the Save Query form for the query in the address.

    If the query was loaded from the saved query `saved`, show the fields of that one.
    """
    query = QueryFormData.parse(request.query.pairs(query_fields.FORM_NAMES))
    name = request.query.text("saved")
    with request.services.open_archive() as (_, connection):
        try:
            resolve_query(query, request.signed_in_visitor, connection)
        except Unavailable:
            raise
        except DynamicsError:
            # The query form shows the problems.
            return RedirectResponse(f"/?{urlencode(request.query.pairs(_QUERY_NAMES))}", 303)
    form = SaveQueryForm(recipients={"send_to": query.texts("send_to")})
    if query.text("output") in MAIL_FORMATS:
        form = replace(form, formats=(query.text("output"),))
    if name and _may_replace(request, name):
        form = SaveQueryForm.from_file(name, parse_keys(read_text(settings().templates, name) or ""))
    return _render_form(request, 200, query, form)


@page(
    Role.ANALYST,
    form=("query", *FORM_NAMES, "over", "do", "drop"),
    statuses=(200, 303, 409, 422),
)
def save(request: PageRequest) -> Response:
    """Write the file of the saved query.

    `query` holds the parameters of the query as an address. `over` is the hash of the file that the
    visitor agreed to replace: without it, show the difference first. `do` is `save` or `update`.
    `drop` names one value to remove, as FIELD:TEXT.
    """
    query = QueryFormData.parse_address(request.form.text("query"))
    form = SaveQueryForm.parse(request.form)
    if "drop" in request.form:
        field, _, text = request.form.text("drop").partition(":")
        remaining = tuple(address for address in form.recipients.get(field, ()) if address != text)
        form = replace(form, recipients={**form.recipients, field: remaining})
        return _render_form(request, 200, query, form)
    if request.form.text("do") == "update":
        return _render_form(request, 200, query, form)
    try:
        return _save(request, query, form, request.form.text("over"))
    except InvalidForm as error:
        return _render_form(request, 422, query, form, {"query": str(error)})
    except SavedQueryError as error:
        problems = {_field_of(problem.key): problem.message for problem in reversed(error.problems)}
        return _render_form(request, 422, query, form, problems)
    except Unavailable:
        raise
    except DynamicsError as error:
        return _render_form(request, 409, query, form, {"name": str(error)})


def _save(request: PageRequest, query_form: QueryFormData, form: SaveQueryForm, over: str) -> Response:
    """Write the file and show the list.

    Show the difference if the file exists and may be replaced.
    """
    require_name(form.name)
    with request.services.open_archive() as (_, connection):
        # The recipients are fields of this form, so they are checked with the file.
        parameters = query_form.without("send_to").without("output")
        query = resolve_query(parameters, request.signed_in_visitor, connection)
    folder = settings().templates
    previous_text = read_text(folder, form.name)
    if previous_text is not None and not _may_replace(request, form.name):
        raise NameTaken(f"a saved query {form.name!r} exists already: choose another name")
    contents = form.to_file(query, parse_keys(previous_text or ""))
    if previous_text is not None and _hash(previous_text) != over:
        new_text = format_yaml(folder, contents)
        lines = difflib.unified_diff(
            previous_text.splitlines(), new_text.splitlines(), "now", "then", lineterm="", n=2
        )
        difference = list(lines)[2:]
        return _render_form(request, 200, query_form, form, difference=difference, over=_hash(previous_text))
    write_saved_query(folder, form.name, contents, replacing=previous_text)
    return RedirectResponse(f"/saved?saved={form.name}", 303)


def _may_replace(request: PageRequest, name: str) -> bool:
    """Return whether the visitor may see and replace the file.

    A bound visitor may not replace a broken file, because it could belong to another reseller.
    """
    visitor = request.signed_in_visitor
    try:
        require_name(name)
        if visitor.owner_id is not None:
            load_visible(visitor, name, request.services.open_archive)
    except RequestError:
        return False
    return True


def _render_form(
    request: PageRequest,
    status: int,
    query: QueryFormData,
    form: SaveQueryForm,
    problems: Mapping[str, str] | None = None,
    *,
    difference: list[str] | None = None,
    over: str = "",
) -> Response:
    return render_page(
        request,
        "save_query.html.j2",
        status,
        query=query,
        form=form,
        parameters=QUERY_PARAMETERS,
        problems=problems or {},
        difference=difference,
        over=over,
        formats=[str(fmt) for fmt in MAIL_FORMATS],
        charts={name: chart.title for name, chart in CHART_PRESETS.items()},
        recipient_labels=RECIPIENT_LABELS,
    )


def _field_of(key: str) -> str:
    """Return the field for a YAML key: `send_to` for `delivery.send_to[1]`."""
    key = key.partition("[")[0]
    return _FIELD_OF_KEY.get(key) or ("query" if key.startswith("query") else key.rpartition(".")[2])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


ROUTES = [Route("/saved/new", show_form), Route("/saved/new", save, methods=["POST"])]
