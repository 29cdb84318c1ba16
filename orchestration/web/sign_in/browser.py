"""One browser, known by its cookie: who is signed in there, and the proof that a form came from our own page."""

import hmac
import re
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from orchestration.web.sign_in import sessions, users
from orchestration.web.visitor import Role, Visitor

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LOCAL_ADMIN = Visitor("local admin", Role.ADMIN, local=True)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Browser:
    """The browser that sent a request. Whatever it is asked costs nothing until then.

    `secure`: the pages are reached by https. `machine_is_admin`: whoever sits at this machine is the admin, unless
    there are users.
    """

    def __init__(self, request: Request, *, secure: bool, machine_is_admin: bool) -> None:
        self._request, self._secure, self._machine_is_admin = request, secure, machine_is_admin
        # Cookies know no ports: two homes on one machine would sign each other out.
        self._cookie = (
            "__Host-dynamics" if secure else f"dynamics-{(request.scope.get('server') or ('', 0))[1]}"
        )
        kept = request.cookies.get(self._cookie, "")
        self._known = _TOKEN.fullmatch(kept) is not None
        self._token = kept if self._known else sessions.new_token()
        self._is_to_keep = False

    @cached_property
    def visitor(self) -> Visitor | None:
        """Who is signed in. It asks the database, once a request."""
        with self._request.app.state.open_archive() as (_, connection):
            found = sessions.find(connection, self._token) if self._known else None
            if found is None and self._at_the_machine and not users.exist(connection):
                return LOCAL_ADMIN
            return found

    @property
    def csrf(self) -> str:
        """What each form sends beside the cookie. Another site's page can make the browser send the one, not both."""
        self._is_to_keep = self._is_to_keep or not self._known
        return hmac.digest(self._token.encode(), b"csrf", "sha256").hex()

    def sign_in(self, user_name: str) -> None:
        """From now on that user is signed in here, under a new token: one that was planted before is worth nothing."""
        with self._request.app.state.open_archive() as (_, connection):
            self._token = sessions.begin(connection, user_name)
            connection.commit()
        self._is_to_keep = True

    def sign_out(self) -> None:
        """From now on nobody is signed in here."""
        with self._request.app.state.open_archive() as (_, connection):
            sessions.end(connection, self._token)
            connection.commit()
        self._token = sessions.new_token()
        self._is_to_keep = True

    def cookie_to_set(self) -> str | None:
        """The header that makes the browser keep its token, where it does not have it yet. It lasts as the browser."""
        if not self._is_to_keep:
            return None
        carrier = Response()
        carrier.set_cookie(self._cookie, self._token, httponly=True, samesite="lax", secure=self._secure)
        return carrier.headers["set-cookie"]

    @property
    def _at_the_machine(self) -> bool:
        """Whether the address bar says so: a page elsewhere whose name leads here says its own name.

        A proxy that tells of itself forwards somebody who is elsewhere.
        """
        forwarded = any(
            name.startswith("x-forwarded") or name in ("forwarded", "via") for name in self._request.headers
        )
        return self._machine_is_admin and not forwarded and self._request.url.hostname in LOOPBACK_NAMES
