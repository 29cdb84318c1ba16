"""Signing in by way of an OpenID provider: code flow with state, nonce and PKCE, and groups that become roles."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from orchestration.errors import RequestError
from orchestration.settings import settings
from orchestration.web.pages import message_page
from orchestration.web.sign_in.routes import own_path
from orchestration.web.sign_in.users import require_name
from orchestration.web.visitor import Role

Grant = tuple[Role, str | None]
"""A role, and the id of the reseller that somebody is bound to."""

_MINUTES = 10
"""That somebody has to sign in at the provider."""

_log = logging.getLogger(__name__)


def routes() -> list[BaseRoute]:
    """`/sign-in/openid` and the callback, where the settings name a provider. Raises RequestError for half a provider."""
    named = settings()
    secret = named.oidc_client_secret.get_secret_value()
    if named.oidc_url is None:
        return []
    if not (named.oidc_client_id and secret and named.oidc_roles):
        raise RequestError(
            "DYNAMICS_OIDC_URL needs DYNAMICS_OIDC_CLIENT_ID, DYNAMICS_OIDC_CLIENT_SECRET and DYNAMICS_OIDC_ROLES: "
            "set them too"
        )
    pages = _Pages(named.oidc_url, named.oidc_client_id, secret, named.oidc_scope)
    # What a browser carries from the one page to the other, signed by what all our servers know and nobody else does.
    state = Middleware(
        SessionMiddleware,
        secret_key=f"sign-in state {secret}",
        session_cookie="dynamics-openid",
        max_age=_MINUTES * 60,
        path="/sign-in/openid",
        https_only=(named.public_url or "").startswith("https:"),
    )
    return [
        Mount(
            "/sign-in/openid",
            routes=[Route("/start", pages.start), Route("/callback", pages.callback)],
            middleware=[state],
        )
    ]


def grants(roles: Mapping[str, str]) -> dict[str, Grant]:
    """DYNAMICS_OIDC_ROLES, read: `viewer`, `analyst` or `admin` by group, with `:` and a reseller's id for one bound.

    Raises RequestError for another role and an admin who is bound.
    """
    read: dict[str, Grant] = {}
    for group, text in roles.items():
        name, _, owner_id = text.partition(":")
        if name.upper() not in Role.__members__ or (name == "admin" and owner_id):
            raise RequestError(
                f"DYNAMICS_OIDC_ROLES gives group {group!r} the role {text!r}: use viewer, analyst or admin, or "
                "viewer:ID or analyst:ID for the clients of one reseller"
            )
        read[group] = (Role[name.upper()], owner_id or None)
    return read


def granted(groups: Sequence[str], by_group: Mapping[str, Grant]) -> Grant | None:
    """What somebody in these groups may do: the highest role, bound as soon as one of the groups binds.

    None when no group says anything, when they bind to two resellers, and when one of them is an admin's.
    """
    found = [by_group[group] for group in groups if group in by_group]
    owners = {owner_id for _, owner_id in found if owner_id is not None}
    role = max((role for role, _ in found), default=None)
    if role is None or len(owners) > 1 or (owners and role is Role.ADMIN):
        return None
    return role, next(iter(owners), None)


class _Pages:
    """The two pages, and the provider between them."""

    def __init__(self, url: str, client_id: str, secret: str, scope: str) -> None:
        with warnings.catch_warnings():
            import authlib.deprecate  # noqa: F401 - it tells every warning, unless told otherwise after it

            warnings.simplefilter("ignore")  # the library announces which HTTP client it will use one day
            from authlib.integrations.starlette_client import OAuth

        self._by_group = grants(settings().oidc_roles)
        self._client: Any = OAuth().register(
            "openid",
            client_id=client_id,
            client_secret=secret,
            server_metadata_url=f"{url.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": scope, "code_challenge_method": "S256", "timeout": 10},
        )

    async def start(self, request: Request) -> Response:
        """Sends the browser to the provider."""
        from httpx import HTTPError

        request.session["next"] = own_path(request.query_params.get("next", "/"))
        origin = (settings().public_url or str(request.base_url)).rstrip("/")
        try:
            answer: Response = await self._client.authorize_redirect(
                request, f"{origin}/sign-in/openid/callback"
            )
        except HTTPError as error:
            return _provider_away(error)
        return answer

    async def callback(self, request: Request) -> Response:
        """Takes the browser back, with a code that the provider exchanges for who it is."""
        from authlib.integrations.starlette_client import OAuthError
        from httpx import HTTPError
        from joserfc.errors import JoseError

        try:
            token = await self._client.authorize_access_token(request)
            claims: Mapping[str, Any] = token["userinfo"]
        except HTTPError as error:
            return _provider_away(error)
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            _log.warning("a sign-in by OpenID was refused: %s", type(error).__name__)
            return message_page(
                400,
                "Signing in did not work",
                "The provider's answer was not one to this browser's question, or came too late. Try again.",
            )
        next_page = own_path(request.session.pop("next", "/"))
        return await run_in_threadpool(self._signed_in, request, claims, next_page)

    def _signed_in(self, request: Request, claims: Mapping[str, Any], next_page: str) -> Response:
        told = claims.get(settings().oidc_claim)
        groups = told if isinstance(told, list) else [told]
        grant = granted([group for group in groups if isinstance(group, str)], self._by_group)
        with request.app.state.open_archive() as (_, connection):
            name = _vouched_for(connection, claims, grant)
            connection.commit()
        if name is None:
            return message_page(
                403,
                "This account may not sign in here",
                "The provider knows you, but nothing here is open to your groups, or somebody else has your name. "
                "Whoever runs this service can change that.",
            )
        request.state.browser.sign_in(name)
        return RedirectResponse(next_page, 303)


def _vouched_for(
    connection: Connection[TupleRow], claims: Mapping[str, Any], grant: Grant | None
) -> str | None:
    """The name of the user that the claims are about, who from now on has that role; without one they are removed.

    None too when the name is somebody else's: a provider's user never becomes one with a password.
    """
    subject = f"{claims['iss']} {claims['sub']}"
    if grant is None:
        connection.execute("delete from dynamics.users where subject = %s", [subject])
        return None
    name = str(claims.get("email") or claims.get("preferred_username") or claims["sub"])
    try:
        require_name(name)
        with connection.transaction():
            row = connection.execute(
                """
                insert into dynamics.users (name, subject, role, owner_id) values (%s, %s, %s, %s)
                on conflict (subject) do update set role = excluded.role, owner_id = excluded.owner_id
                returning name
                """,
                [name, subject, grant[0].name.lower(), grant[1]],
            ).fetchone()
    except (RequestError, UniqueViolation):
        return None
    return row[0] if row else None


def _provider_away(error: Exception) -> Response:
    _log.error("the OpenID provider does not answer: %s", error)
    return message_page(
        503,
        "Signing in is not possible at the moment",
        "The provider that knows you does not answer. Try again in a few minutes.",
        {"Retry-After": "60"},
    )
