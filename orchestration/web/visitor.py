"""Who is looking: a name, a role, and the reseller they are bound to; and which pages ask for what role."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response


class Role(IntEnum):
    """What somebody may do; each role may do all that the ones before it may."""

    VIEWER = 1
    """Reads the archive."""
    ANALYST = 2
    """Makes reports, saves queries, sends mails."""
    ADMIN = 3
    """Revokes links, and sees to users."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in. One who is bound to a reseller (`owner_id`) sees that reseller's clients only."""

    name: str
    role: Role
    owner_id: str | None = None
    local: bool = False
    """Whether this is the admin that everybody at this machine is, as long as nobody was told to sign in."""

    def may(self, role: Role) -> bool:
        """Whether this visitor may do what `role` may."""
        return self.role >= role


def visitor(request: Request) -> Visitor | None:
    """Who is signed in, if anybody is. Not for the event loop: it asks the database, once a request."""
    found: Visitor | None = request.state.browser.visitor
    return found


def signed_in(request: Request) -> Visitor:
    """Who is signed in, on a page that `needs` a role."""
    found = visitor(request)
    if found is None:
        raise HTTPException(403)
    return found


Endpoint = Callable[[Request], Any]


def needs(role: Role) -> Callable[[Endpoint], Endpoint]:
    """A page for visitors of that role: others are sent to sign in, or told that they may not (403)."""

    def guarded(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def guard(request: Request) -> Response:
            who = await run_in_threadpool(visitor, request)
            if who is None:
                if request.method not in ("GET", "HEAD"):
                    raise HTTPException(403)
                asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/sign-in?next={quote(asked, safe='')}", 303)
            if not who.may(role):
                raise HTTPException(403)
            answer = (
                await endpoint(request)
                if inspect.iscoroutinefunction(endpoint)
                else await run_in_threadpool(endpoint, request)
            )
            response: Response = answer
            return response

        guard.__dict__["needs"] = role
        return guard

    return guarded


def role_needed(endpoint: Endpoint) -> Role | None:
    """The role that a page asks for; None: it is for everybody."""
    found: Role | None = getattr(endpoint, "needs", None)
    return found
