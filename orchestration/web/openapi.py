"""`/openapi.json`: an OpenAPI document of all pages, derived from their declarations."""

import inspect
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.web.access import PUBLIC, get_page, page
from orchestration.web.page_request import PageRequest


def build_document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of the routes."""
    paths: dict[str, dict[str, Any]] = {}
    for method, route in list_operations(routes):
        paths.setdefault(route.path, {})[method.lower()] = _describe_operation(method, route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Customer Dynamics", "version": "1"},
        "paths": paths,
        "components": {
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "dynamics"}}
        },
    }


def list_operations(routes: Iterable[BaseRoute]) -> list[tuple[str, Route]]:
    """Return each page with its methods. HEAD, static files and the OpenID pages are left out."""
    return [
        (method, route)
        for route in routes
        if isinstance(route, Route) and not route.path.startswith("/static/")
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


@page(PUBLIC)
def openapi(request: PageRequest) -> Response:
    """Return this document."""
    return JSONResponse(build_document(request.routes))


def _describe_operation(method: str, route: Route) -> dict[str, Any]:
    declaration = get_page(route.endpoint)
    statuses = {*declaration.statuses, HTTPStatus.SERVICE_UNAVAILABLE}
    if declaration.role is not None:
        statuses |= {HTTPStatus.SEE_OTHER, HTTPStatus.FORBIDDEN}
    if method != "GET":
        statuses |= {HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    operation: dict[str, Any] = {
        "summary": (inspect.getdoc(route.endpoint) or "").partition("\n")[0],
        "parameters": [
            *(_describe_parameter("path", name) for name in route.param_convertors),
            *(_describe_parameter("query", name) for name in declaration.query),
        ],
        "responses": {
            str(int(status)): {"description": HTTPStatus(status).phrase} for status in sorted(statuses)
        },
    }
    if declaration.role is not None:
        operation |= {"security": [{"session": []}], "x-role": declaration.role.name.lower()}
    if method != "GET":
        # The middleware reads the field `csrf` of every form.
        fields = {name: {"type": "string"} for name in ("csrf", *declaration.form)}
        schema = {"type": "object", "properties": fields, "required": ["csrf"]}
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    return operation


def _describe_parameter(location: str, name: str) -> dict[str, Any]:
    return {"name": name, "in": location, "required": location == "path", "schema": {"type": "string"}}


ROUTES = [Route("/openapi.json", openapi)]
