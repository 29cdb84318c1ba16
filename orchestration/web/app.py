"""The web application: its routes, its middleware and its error pages."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from psycopg import OperationalError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from orchestration.archive import SnapshotDamaged, SnapshotNotFound
from orchestration.connections import OpenArchive
from orchestration.errors import Unavailable
from orchestration.saved_queries.cron import warm_up
from orchestration.settings import settings
from orchestration.web import openapi
from orchestration.web.access import PUBLIC, page
from orchestration.web.archive import comparison, detail, drilldown, listing, recompute
from orchestration.web.headers import SecurityHeaders, build_security_headers
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_message
from orchestration.web.query_form import form, query, search
from orchestration.web.rate_limit import RateLimit, find_rate_limit_key
from orchestration.web.report import chart, vega_script, view
from orchestration.web.report.page_cache import PageCache
from orchestration.web.saved_queries import listing as saved_query_listing
from orchestration.web.saved_queries import saving, sending
from orchestration.web.services import Services, get_services
from orchestration.web.sign_in import admin, openid
from orchestration.web.sign_in import routes as sign_in
from orchestration.web.sign_in.attempt_limit import SignInLimit
from orchestration.web.sign_in.browser import LOOPBACK_NAMES
from orchestration.web.sign_in.middleware import SignIn
from orchestration.web.view_counter import ViewCounter

_log = logging.getLogger(__name__)


def create_app(open_archive: OpenArchive, *, on_loopback: bool = True) -> Starlette:
    """Return the application. Each request opens the archive with `open_archive` if it needs it.

    `on_loopback` is true if other machines can reach the server only through a proxy.
    """
    public_url = urlsplit(settings().public_url or "http://localhost")
    https = public_url.scheme == "https"
    has_local_admin = on_loopback and public_url.hostname in LOOPBACK_NAMES and settings().oidc_url is None
    services = Services(
        open_archive=open_archive,
        page_cache=PageCache(open_archive),
        view_counter=ViewCounter(open_archive),
        sign_in_limit=SignInLimit(),
        unknown_link_limit=RateLimit(burst=60, refill_seconds=1),
        security_headers=build_security_headers(https=https),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        Thread(target=warm_up, name="warm up", daemon=True).start()
        with services.view_counter.flush_periodically():
            yield

    app = Starlette(
        lifespan=lifespan,
        routes=list_routes(),
        middleware=[
            Middleware(SecurityHeaders, https=https),
            Middleware(SignIn, https=https, has_local_admin=has_local_admin),
        ],
        exception_handlers={
            403: _show_forbidden,
            404: _show_not_found,
            SnapshotNotFound: _show_unknown_link,
            SnapshotDamaged: _show_damaged,
            Unavailable: _show_unavailable,
            OperationalError: _show_unavailable,
            Exception: _show_failure,
        },
    )
    app.state.services = services
    return app


@page(PUBLIC)
def healthz(_: PageRequest) -> Response:
    """Return `ok` while the server is alive."""
    return PlainTextResponse("ok\n")


def list_routes() -> list[BaseRoute]:
    """Return the routes of all pages, and of the static files."""
    return [
        *view.ROUTES,
        *chart.ROUTES,
        *vega_script.ROUTES,
        *form.ROUTES,
        *query.ROUTES,
        *search.ROUTES,
        *saved_query_listing.ROUTES,
        *saving.ROUTES,
        *sending.ROUTES,
        *listing.ROUTES,
        *comparison.ROUTES,
        *detail.ROUTES,
        *recompute.ROUTES,
        *drilldown.ROUTES,
        *sign_in.ROUTES,
        *admin.ROUTES,
        *openid.list_routes(),
        *openapi.ROUTES,
        Route("/healthz", healthz),
        Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
    ]


def _show_forbidden(_: Request, __: Exception) -> Response:
    return render_message(
        403,
        "No access",
        "Your account does not have access to this page. Ask an admin if you need it.",
    )


def _show_not_found(_: Request, __: Exception) -> Response:
    return render_message(
        404,
        "Report not found",
        "Check that the link is complete, or ask the sender for a new one.",
    )


def _show_unknown_link(request: Request, error: Exception) -> Response:
    """Give the same answer for unknown, malformed, revoked and expired links.

    Slow down guessing.
    """
    if wait := get_services(request).unknown_link_limit.take(find_rate_limit_key(request)):
        return render_message(
            429,
            "Too many invalid links",
            "Your address opened too many links that do not exist. Wait a moment, then try again.",
            {"Retry-After": str(wait)},
        )
    return _show_not_found(request, error)


def _show_damaged(_: Request, error: Exception) -> Response:
    _log.error("%s", error)
    return render_message(
        500,
        "This report is damaged",
        "The stored files differ from the original report, so the numbers cannot be trusted. "
        "Ask the administrator of this service to restore the original.",
    )


def _show_unavailable(_: Request, error: Exception) -> Response:
    _log.error("%s", error)
    return render_message(
        503,
        "Reports are not available at the moment",
        "The database or the storage does not answer. No report is lost. Try again in a few minutes.",
        {"Retry-After": "60"},
    )


def _show_failure(request: Request, __: Exception) -> Response:
    # Starlette calls this handler outside the middleware, and logs the traceback itself.
    return render_message(
        500,
        "This page failed to load",
        "An internal error occurred. The administrator of this service finds the reason in the log.",
        get_services(request).security_headers,
    )
