"""Middleware that identifies the browser of each request and rejects forged forms."""

import hmac
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.web.pages import render_message
from orchestration.web.sign_in.browser import Browser

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_BODY_BYTES = 1_000_000
"""Far more than the largest form needs."""


class SignIn:
    """Middleware that sets `request.state.browser`.

    A request that changes data must carry the browser's token, in the form field `csrf` or in the
    header X-CSRF-Token. Other requests of that kind get 403.
    """

    def __init__(self, app: ASGIApp, *, https: bool, has_local_admin: bool) -> None:
        self._app, self._https, self._has_local_admin = app, https, has_local_admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        browser = Browser(
            request,
            secure=self._https or scope["scheme"] == "https",
            has_local_admin=self._has_local_admin,
        )
        scope.setdefault("state", {})["browser"] = browser

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and (cookie := browser.cookie_to_set()):
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        app = self._app
        if request.method not in _SAFE_METHODS:
            try:
                body = await _read_body(request)
            except ClientDisconnect:
                return
            if body is None:
                app = render_message(413, "The form is too large", "A form can have at most one megabyte.")
            elif not hmac.compare_digest(_read_token(request, body), browser.csrf.encode()):
                app = render_message(
                    403,
                    "This page has expired",
                    "The form could not be verified. Go back, reload the page, and try again.",
                )
            else:
                receive = _replay(body, receive)
        await app(scope, receive, send_with_cookie)


async def _read_body(request: Request) -> bytes | None:
    """Return the whole body, or None if it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return None
    return bytes(body)


def _read_token(request: Request, body: bytes) -> bytes:
    """Return the token that the request carries, or nothing."""
    if (header := request.headers.get("x-csrf-token")) is not None:
        return header.encode()
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return b""
    try:
        fields = parse_qs(body.decode("latin-1"), max_num_fields=10_000)
    except ValueError:
        return b""
    return fields.get("csrf", [""])[0].encode()


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive function that gives the body again, and then the messages after it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Message:
        return next(messages, None) or await receive()

    return receive_again
