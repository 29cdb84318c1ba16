"""`/openapi.json`: the pages as OpenAPI describes them, for tools that try them all."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.web.visitor import role_needed


@dataclass(frozen=True, slots=True)
class Described:
    """What a page takes, by the names of its parameters and fields, and how it may answer beside what all may."""

    answers: tuple[int, ...] = (200,)
    query: tuple[str, ...] = ()
    form: tuple[str, ...] = ()


_QUERY = (
    *("interval", "from", "to", "timezone", "client_type", "client_tags", "owners", "packages", "group_by"),
    *("currency", "active_duration", "output", "send_to"),
)
_SAVED = (
    "name",
    "title",
    "description",
    "format",
    "chart",
    "schedule",
    "schedule_timezone",
    "cc",
    "bcc",
    "subject",
)
_LINK = (404, 429)
"""Of pages that take a snapshot's id."""

_DESCRIBED: Mapping[str, Described] = {
    "GET /": Described((200, 303), query=(*_QUERY, "saved")),
    "POST /query": Described((303, 409, 422, 429), form=(*_QUERY, "saved", "token", "do", "drop")),
    "GET /query/{job}": Described((200, 303, 404)),
    "GET /query/{job}/state": Described((200, 404)),
    "POST /query/{job}/cancel": Described((303, 404)),
    "GET /search/interval": Described(query=_QUERY),
    "GET /search/timezones": Described(query=("q",)),
    "GET /search/tags": Described(query=("q",)),
    "GET /search/owners": Described(query=("q",)),
    "GET /search/packages": Described(query=("q",)),
    "GET /search/currencies": Described(query=("q",)),
    "GET /view": Described((200, 304, 400, *_LINK), query=("id", "format")),
    "GET /view/header": Described(),
    "GET /chart": Described(
        (200, 400, *_LINK),
        query=("id", "format", "chart", "row", "mark", "stack", "package", "first", "last", "theme"),
    ),
    "GET /saved": Described(query=("saved", "test")),
    "GET /saved/new": Described((200, 303), query=(*_QUERY, "saved")),
    "POST /saved/new": Described((200, 303, 409, 422), form=(*_QUERY, *_SAVED, "over")),
    "POST /saved/{name}/test": Described((303, 422), form=("to",)),
    "GET /archive": Described((200, 400), query=("q", "who", "since", "until", "after")),
    "GET /archive/compare": Described((200, 400, 409, *_LINK), query=("left", "right", "only", "format")),
    "GET /archive/{id}": Described((200, *_LINK)),
    "POST /archive/{id}/revoke": Described((303, *_LINK), form=("sure",)),
    "POST /archive/{id}/again": Described((303, 409, *_LINK)),
    "GET /drill": Described(
        (200, 400, *_LINK), query=("id", "row", "column", "block", "q", "page", "format")
    ),
    "GET /sign-in": Described((200, 303), query=("next",)),
    "POST /sign-in": Described((303, 401, 429), form=("name", "password", "next")),
    "POST /sign-out": Described((303,)),
    "GET /users": Described(),
    "POST /users": Described((303, 422), form=("name", "password", "role", "owner")),
    "POST /users/remove": Described((303, 422), form=("name",)),
    "GET /healthz": Described(),
    "GET /openapi.json": Described(),
}


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The description of these routes. One that nobody has described yet is there without parameters."""
    paths: dict[str, dict[str, Any]] = {}
    for method, route in operations(routes):
        described = _DESCRIBED.get(f"{method} {route.path}", Described())
        paths.setdefault(route.path, {})[method.lower()] = _operation(method, route, described)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Customer Dynamics", "version": "1"},
        "paths": paths,
        "components": {
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "dynamics"}}
        },
    }


def operations(routes: Iterable[BaseRoute]) -> list[tuple[str, Route]]:
    """Each page with each method that it has, HEAD aside; files under a fixed name are no pages."""
    return [
        (method, route)
        for route in routes
        if isinstance(route, Route) and not route.path.startswith("/static/")
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def undescribed(routes: Iterable[BaseRoute]) -> set[str]:
    """The pages that `document` knows nothing of, and what it tells of pages that are not there."""
    return {f"{method} {route.path}" for method, route in operations(routes)} ^ set(_DESCRIBED)


def openapi(request: Request) -> Response:
    """This description."""
    return JSONResponse(document(request.app.routes))


def _operation(method: str, route: Route, described: Described) -> dict[str, Any]:
    role = role_needed(route.endpoint)
    answers = {*described.answers, HTTPStatus.SERVICE_UNAVAILABLE}
    if role is not None:
        answers |= {HTTPStatus.SEE_OTHER, HTTPStatus.FORBIDDEN}
    if method != "GET":
        answers |= {HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    operation: dict[str, Any] = {
        "summary": (inspect.getdoc(route.endpoint) or "").partition("\n")[0],
        "parameters": [
            *(_parameter("path", name) for name in route.param_convertors),
            *(_parameter("query", name) for name in described.query),
        ],
        "responses": {
            str(int(status)): {"description": HTTPStatus(status).phrase} for status in sorted(answers)
        },
    }
    if role is not None:
        operation |= {"security": [{"session": []}], "x-role": role.name.lower()}
    if described.form or method != "GET":
        fields = {name: {"type": "string"} for name in ("csrf", *described.form)}
        form = {"type": "object", "properties": fields, "required": ["csrf"]}
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
    return operation


def _parameter(place: str, name: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}


ROUTES = [Route("/openapi.json", openapi)]
