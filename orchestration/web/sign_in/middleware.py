"""Says of each request which browser it comes from (`request.state.browser`), and lets no forged one change anything."""

import hmac
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.web.pages import message_page
from orchestration.web.sign_in.browser import Browser

_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_LARGEST_BODY = 1_000_000
"""Bytes. A form with every field filled in has a hundredth of it."""


class SignIn:
    """Knows the browser by its cookie. What is no GET needs its token: in the form field `csrf`, or X-CSRF-Token."""

    def __init__(self, app: ASGIApp, *, https: bool, machine_is_admin: bool) -> None:
        self._app, self._https, self._machine_is_admin = app, https, machine_is_admin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI hands it over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        browser = Browser(
            request,
            secure=self._https or scope["scheme"] == "https",
            machine_is_admin=self._machine_is_admin,
        )
        scope.setdefault("state", {})["browser"] = browser

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and (cookie := browser.cookie_to_set()):
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        app = self._app
        if request.method not in _HARMLESS:
            try:
                body = await _body(request)
            except ClientDisconnect:
                return
            if body is None:
                app = message_page(
                    413, "This is too much", "A form that is sent here has at most a megabyte."
                )
            elif not hmac.compare_digest(_token(request, body), browser.csrf.encode()):
                app = message_page(
                    403,
                    "This page was open for too long",
                    "What it sent could not be told from a forgery. Go back, reload the page, and try again.",
                )
            else:
                receive = _again(body, receive)
        await app(scope, receive, send_with_cookie)


async def _body(request: Request) -> bytes | None:
    """All of it; None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    return bytes(body)


def _token(request: Request, body: bytes) -> bytes:
    if (sent := request.headers.get("x-csrf-token")) is not None:
        return sent.encode()
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return b""
    try:
        fields = parse_qs(body.decode("latin-1"), max_num_fields=10_000)
    except ValueError:
        return b""
    return fields.get("csrf", [""])[0].encode()


def _again(body: bytes, receive: Receive) -> Receive:
    """Hands the body over once more, and then what comes after it."""
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Message:
        return next(parts, None) or await receive()

    return receive_again
