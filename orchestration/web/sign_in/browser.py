"""One browser: its cookie, the visitor who is signed in, and the token that protects its forms."""

import hmac
import re
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from orchestration.accounts import sessions, users
from orchestration.accounts.visitor import Role, Visitor
from orchestration.web.services import get_services

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LOCAL_ADMIN = Visitor("local admin", Role.ADMIN, is_local=True)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Browser:
    """The browser that sent a request.

    `secure` is true if the pages are reached by https. `has_local_admin` is true if a person at
    this machine is the admin while there are no users.
    """

    def __init__(self, request: Request, *, secure: bool, has_local_admin: bool) -> None:
        self._request, self._secure, self._has_local_admin = request, secure, has_local_admin
        # Cookies ignore the port. With the port in the name, two homes on one machine do not clash.
        self._cookie_name = (
            "__Host-dynamics" if secure else f"dynamics-{(request.scope.get('server') or ('', 0))[1]}"
        )
        cookie = request.cookies.get(self._cookie_name, "")
        self._has_token = _TOKEN.fullmatch(cookie) is not None
        self._token = cookie if self._has_token else sessions.new_token()
        self._must_set_cookie = False

    @cached_property
    def visitor(self) -> Visitor | None:
        """The visitor who is signed in. The first access queries the database."""
        with get_services(self._request).open_archive() as (_, connection):
            visitor = sessions.find(connection, self._token) if self._has_token else None
            if visitor is None and self._is_at_this_machine and not users.has_users(connection):
                return LOCAL_ADMIN
            return visitor

    @property
    def csrf(self) -> str:
        """The token that each form sends.

        Another site cannot read it, so it cannot forge a form.
        """
        self._must_set_cookie = self._must_set_cookie or not self._has_token
        return hmac.digest(self._token.encode(), b"csrf", "sha256").hex()

    def sign_in(self, user_name: str) -> None:
        """Sign the user in under a new token, so that a token planted earlier is worthless."""
        with get_services(self._request).open_archive() as (_, connection):
            self._token = sessions.begin(connection, user_name)
            connection.commit()
        self._must_set_cookie = True

    def sign_out(self) -> None:
        """End the session and give the browser a new token."""
        with get_services(self._request).open_archive() as (_, connection):
            sessions.end(connection, self._token)
            connection.commit()
        self._token = sessions.new_token()
        self._must_set_cookie = True

    def cookie_to_set(self) -> str | None:
        """Return the Set-Cookie header for a new token, or None.

        The cookie ends with the browser.
        """
        if not self._must_set_cookie:
            return None
        carrier = Response()
        carrier.set_cookie(self._cookie_name, self._token, httponly=True, samesite="lax", secure=self._secure)
        return carrier.headers["set-cookie"]

    @property
    def _is_at_this_machine(self) -> bool:
        """Whether the browser runs on this machine.

        The host name of the address must be a loopback name. So a page of another site fails, even
        if its name resolves to this machine. A proxy forwards browsers of other machines.
        """
        is_forwarded = any(
            name.startswith("x-forwarded") or name in ("forwarded", "via") for name in self._request.headers
        )
        return self._has_local_admin and not is_forwarded and self._request.url.hostname in LOOPBACK_NAMES
