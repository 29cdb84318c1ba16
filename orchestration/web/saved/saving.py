"""Save Query: `/saved/new` asks for name, files and schedule, and writes the file; never over another without asking."""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.saved_queries.saved_query_file import SavedQueryError
from orchestration.saved_queries.writing import (
    NameTaken,
    keys_of,
    require_name,
    text_of,
    write_saved_query,
    yaml_text,
)
from orchestration.settings import settings
from orchestration.web.ask.asked import Asked
from orchestration.web.ask.checking import Refused, query_of
from orchestration.web.ask.load import load
from orchestration.web.pages import page, posted
from orchestration.web.saved.fields import ADDRESSES, CHARTS, FORMATS, Fields
from orchestration.web.visitor import Role, needs, signed_in


@needs(Role.ANALYST)
def new(request: Request) -> Response:
    """The fields of Save Query for the query in the address; those of the saved query that it was loaded from, if any."""
    asked, name = Asked.read(request.query_params), request.query_params.get("saved", "")
    with request.app.state.open_archive() as (_, connection):
        try:
            query_of(asked, signed_in(request), connection)
        except Refused:
            return RedirectResponse(
                f"/?{request.query_params}", 303
            )  # which says what is wrong, field by field
    fields = Fields(addresses={"send_to": asked.several("send_to")})
    if asked.one("output") in FORMATS:
        fields = replace(fields, formats=(asked.one("output"),))
    if name and _may_replace(request, name):
        fields = Fields.of_file(name, keys_of(text_of(settings().templates, name) or ""))
    return _fields_page(request, 200, asked, fields)


@needs(Role.ANALYST)
def save(request: Request) -> Response:
    """Writes the file. Over one that is there only with `over`, the hash of its text, which the page before has shown."""
    form = posted(request)
    asked, fields = Asked.read(QueryParams(str(form.get("asked", "")))), Fields.sent(form)
    if "drop" in form:
        header, _, address = str(form["drop"]).partition(":")
        left = tuple(each for each in fields.addresses.get(header, ()) if each != address)
        return _fields_page(
            request, 200, asked, replace(fields, addresses={**fields.addresses, header: left})
        )
    if form.get("do") == "update":
        return _fields_page(request, 200, asked, fields)
    try:
        return _saved(request, asked, fields, str(form.get("over", "")))
    except Refused as refused:
        return _fields_page(request, 422, asked, fields, {"query": str(refused)})
    except SavedQueryError as error:
        problems = {_field(problem.key): problem.message for problem in reversed(error.problems)}
        return _fields_page(request, 422, asked, fields, problems)
    except Unavailable:
        raise
    except DynamicsError as error:
        return _fields_page(request, 409, asked, fields, {"name": str(error)})


def _saved(request: Request, asked: Asked, fields: Fields, over: str) -> Response:
    """Saves, and goes to the list; or shows what saving would replace."""
    require_name(fields.name)
    with request.app.state.open_archive() as (_, connection):
        # Who it goes to is asked for here, and checked with the file.
        query = query_of(asked.without("send_to", "").without("output", ""), signed_in(request), connection)
    folder = settings().templates
    before = text_of(folder, fields.name)
    if before is not None and not _may_replace(request, fields.name):
        raise NameTaken(f"there is a saved query {fields.name!r} already: choose another name")
    contents = fields.contents(query, keys_of(before or ""))
    if before is not None and _hash(before) != over:
        difference = difflib.unified_diff(
            before.splitlines(), yaml_text(folder, contents).splitlines(), "now", "then", lineterm="", n=2
        )
        return _fields_page(request, 200, asked, fields, difference=list(difference)[2:], over=_hash(before))
    write_saved_query(folder, fields.name, contents, replacing=before)
    return RedirectResponse(f"/saved?saved={fields.name}", 303)


def _may_replace(request: Request, name: str) -> bool:
    """Whether the visitor may see what that file holds; one that cannot be read is whoever's may see them all."""
    visitor = signed_in(request)
    try:
        require_name(name)
        if visitor.owner_id is not None:
            load(visitor, name, request.app.state.open_archive)
    except RequestError:
        return False
    return True


def _fields_page(
    request: Request,
    status: int,
    asked: Asked,
    fields: Fields,
    problems: Mapping[str, str] | None = None,
    *,
    difference: list[str] | None = None,
    over: str = "",
) -> Response:
    return page(
        request,
        "saved_new.html.j2",
        status,
        asked=asked,
        fields=fields,
        problems=problems or {},
        difference=difference,
        over=over,
        formats=FORMATS,
        charts=CHARTS,
        addresses=ADDRESSES,
    )


def _field(key: str) -> str:
    """The form's field for a key of the file: `delivery.send_to[1]` is `send_to`."""
    names = {"delivery.timezone": "schedule_timezone", "delivery": "send_to", "": "name"}
    top = key.partition("[")[0]
    return names.get(top) or ("query" if top.startswith("query") else top.rpartition(".")[2])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


ROUTES = [Route("/saved/new", new), Route("/saved/new", save, methods=["POST"])]
