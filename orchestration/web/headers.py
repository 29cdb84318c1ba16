"""What every answer tells the browser: run and load only what is ours, tell nobody the link."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        # The link is the permission to read: no other site and no search engine may learn it.
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
    }
)


def security_headers(*, https: bool) -> dict[str, str]:
    """The headers of every answer, where the pages are reached by https with the promise to stay so for a year."""
    return {**_ALWAYS, **({"Strict-Transport-Security": "max-age=31536000"} if https else {})}


class SecurityHeaders:
    """Adds `security_headers` to every answer of the application."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        headers = security_headers(https=https)
        self._raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI hands it over."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._raw]
            await send(message)

        await self._app(scope, receive, send_with_headers)
