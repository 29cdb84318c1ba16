"""The application: which address shows what, and what a visitor is told when something is wrong."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

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
from orchestration.web import ask, records, report, saved, sign_in
from orchestration.web.headers import SECURITY_HEADERS, SecurityHeaders
from orchestration.web.pages import message_page

OpenArchive = Callable[[], AbstractContextManager[tuple[Archive, Connection[TupleRow]]]]
"""Opens the archive and the database that its index is on, for one request."""

_log = logging.getLogger(__name__)


def create_app(open_archive: OpenArchive) -> Starlette:
    """The pages over the archive and the engine; each request that needs them opens them, and closes them after it."""
    app = Starlette(
        routes=[
            *ask.ROUTES,
            *report.ROUTES,
            *saved.ROUTES,
            *records.ROUTES,
            *sign_in.ROUTES,
            Route("/healthz", _healthz),
            Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(sign_in.SignIn)],
        exception_handlers={
            403: _forbidden,
            404: _not_found,
            SnapshotNotFound: _not_found,
            SnapshotDamaged: _damaged,
            Unavailable: _away,
            OperationalError: _away,
            Exception: _failed,
        },
    )
    app.state.open_archive = open_archive
    return app


def _healthz(_: Request) -> Response:
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


def _failed(_: Request, __: Exception) -> Response:
    # Starlette answers this outside all middleware, and logs the traceback itself by raising on.
    return message_page(
        500,
        "This page cannot be shown",
        "Something went wrong here. Whoever runs this service finds the reason in its log.",
        SECURITY_HEADERS,
    )
