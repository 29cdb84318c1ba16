"""The application: which address shows what, and what a visitor is told when something is wrong."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from psycopg import Connection, OperationalError
from psycopg.rows import TupleRow
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from orchestration.archive import Archive, SnapshotDamaged, SnapshotNotFound
from orchestration.errors import Unavailable
from orchestration.saved_queries.cron import make_ready
from orchestration.settings import settings
from orchestration.web import ask, openapi, records, report, saved, sign_in
from orchestration.web.buckets import Buckets, address
from orchestration.web.headers import SecurityHeaders, security_headers
from orchestration.web.opens import Opens
from orchestration.web.pages import message_page
from orchestration.web.sign_in.browser import LOOPBACK_NAMES

OpenArchive = Callable[[], AbstractContextManager[tuple[Archive, Connection[TupleRow]]]]
"""Opens the archive and the database that its index is on, for one request."""

_log = logging.getLogger(__name__)


def create_app(open_archive: OpenArchive, *, on_loopback: bool = True) -> Starlette:
    """The pages over the archive and the engine; each request that needs them opens them, and closes them after it.

    `on_loopback`: no other machine reaches them but through a proxy.
    """
    public_url = urlsplit(settings().public_url or "http://localhost")
    https = public_url.scheme == "https"
    machine_is_admin = on_loopback and public_url.hostname in LOOPBACK_NAMES and settings().oidc_url is None
    opens = Opens(open_archive)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        Thread(target=make_ready, name="ready", daemon=True).start()
        with opens.written():
            yield

    app = Starlette(
        lifespan=lifespan,
        routes=[
            *report.ROUTES,
            *ask.ROUTES,
            *saved.ROUTES,
            *records.ROUTES,
            *sign_in.ROUTES,
            *sign_in.openid_routes(),
            *openapi.ROUTES,
            Route("/healthz", _healthz),
            Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
        ],
        middleware=[
            Middleware(SecurityHeaders, https=https),
            Middleware(sign_in.SignIn, https=https, machine_is_admin=machine_is_admin),
        ],
        exception_handlers={
            403: _forbidden,
            404: _not_found,
            SnapshotNotFound: _missed,
            SnapshotDamaged: _damaged,
            Unavailable: _away,
            OperationalError: _away,
            Exception: _failed,
        },
    )
    app.state.open_archive = open_archive
    app.state.opens = opens
    app.state.tries = sign_in.Tries()
    app.state.misses = Buckets(size=60, seconds=1)
    app.state.security_headers = security_headers(https=https)
    app.state.pages = report.KeptPages(open_archive)
    return app


def _healthz(_: Request) -> Response:
    """Whether the server answers."""
    return PlainTextResponse("ok\n")


def _forbidden(_: Request, __: Exception) -> Response:
    return message_page(
        403,
        "This is not for you to see",
        "Your account may not do this. Whoever runs this service can change that.",
    )


def _not_found(_: Request, __: Exception) -> Response:
    return message_page(
        404,
        "Nothing is here",
        "This link opens no report. Check that it was copied whole; if it was, ask whoever sent it for a new one.",
    )


def _missed(request: Request, error: Exception) -> Response:
    """Unknown, malformed, revoked or over: no answer tells which, and whoever tries many is slowed down."""
    if wait := request.app.state.misses.take(address(request)):
        return message_page(
            429,
            "Too many links that open nothing",
            "They came from your address in the last minute. Try again in a moment.",
            {"Retry-After": str(wait)},
        )
    return _not_found(request, error)


def _damaged(_: Request, error: Exception) -> Response:
    _log.error("%s", error)
    return message_page(
        500,
        "This report cannot be shown",
        "Its stored bytes do not match what was kept when it was made, so its numbers cannot be trusted. "
        "Whoever runs this service can have the original restored.",
    )


def _away(_: Request, error: Exception) -> Response:
    _log.error("%s", error)
    return message_page(
        503,
        "Reports cannot be opened at the moment",
        "The place where they are kept does not answer. Nothing is lost: try again in a few minutes.",
        {"Retry-After": "60"},
    )


def _failed(request: Request, __: Exception) -> Response:
    # Starlette answers this outside all middleware, and logs the traceback itself by raising on.
    return message_page(
        500,
        "This page cannot be shown",
        "Something went wrong here. Whoever runs this service finds the reason in its log.",
        request.app.state.security_headers,
    )
