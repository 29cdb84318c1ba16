"""Sign-in through an OpenID provider: authorization code flow with state, nonce and PKCE."""

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

from orchestration.accounts.users import require_name
from orchestration.accounts.visitor import Role
from orchestration.errors import RequestError
from orchestration.settings import settings
from orchestration.web.pages import render_message
from orchestration.web.services import get_services
from orchestration.web.sign_in.routes import to_own_path

Grant = tuple[Role, str | None]
"""A role, and the id of the reseller that the user is bound to."""

_SIGN_IN_MINUTES = 10
"""How long a user may take to sign in at the provider."""

_log = logging.getLogger(__name__)


def list_routes() -> list[BaseRoute]:
    """Return `/sign-in/openid` and its callback, or nothing if the settings name no provider.

    Raise RequestError if a setting of the provider is missing.
    """
    config = settings()
    secret = config.oidc_client_secret.get_secret_value()
    if config.oidc_url is None:
        return []
    if not (config.oidc_client_id and secret and config.oidc_roles):
        raise RequestError(
            "DYNAMICS_OIDC_URL needs DYNAMICS_OIDC_CLIENT_ID, DYNAMICS_OIDC_CLIENT_SECRET and "
            "DYNAMICS_OIDC_ROLES: set them too"
        )
    provider = _Provider(config.oidc_url, config.oidc_client_id, secret, config.oidc_scope)
    # A signed cookie carries the state from one page to the other. All servers know the key.
    state = Middleware(
        SessionMiddleware,
        secret_key=f"sign-in state {secret}",
        session_cookie="dynamics-openid",
        max_age=_SIGN_IN_MINUTES * 60,
        path="/sign-in/openid",
        https_only=(config.public_url or "").startswith("https:"),
    )
    return [
        Mount(
            "/sign-in/openid",
            routes=[Route("/start", provider.start), Route("/callback", provider.callback)],
            middleware=[state],
        )
    ]


def parse_grants(roles: Mapping[str, str]) -> dict[str, Grant]:
    """Return the grant of each group in DYNAMICS_OIDC_ROLES.

    A value is `viewer`, `analyst` or `admin`. `viewer:ID` and `analyst:ID` also bind the user to
    the reseller with that id. Raise RequestError for any other value.
    """
    grants: dict[str, Grant] = {}
    for group, text in roles.items():
        name, _, owner_id = text.partition(":")
        if name.upper() not in Role.__members__ or (name == "admin" and owner_id):
            raise RequestError(
                f"DYNAMICS_OIDC_ROLES gives group {group!r} the role {text!r}: use viewer, analyst or admin, or "
                "viewer:ID or analyst:ID for the clients of one reseller"
            )
        grants[group] = (Role[name.upper()], owner_id or None)
    return grants


def combine_grants(groups: Sequence[str], grants: Mapping[str, Grant]) -> Grant | None:
    """Return the grant of a user in these groups: the highest role, and the owner of any binding.

    Return None if no group has a grant, if the groups bind to two resellers, and if one group binds
    and another one makes the user an admin.
    """
    granted = [grants[group] for group in groups if group in grants]
    owner_ids = {owner_id for _, owner_id in granted if owner_id is not None}
    role = max((role for role, _ in granted), default=None)
    if role is None or len(owner_ids) > 1 or (owner_ids and role is Role.ADMIN):
        return None
    return role, next(iter(owner_ids), None)


class _Provider:
    """The client of the OpenID provider, with the two pages that lead there and back."""

    def __init__(self, url: str, client_id: str, secret: str, scope: str) -> None:
        with warnings.catch_warnings():
            import authlib.deprecate  # noqa: F401 - its import resets the filters: import it first

            warnings.simplefilter("ignore")  # a notice about the library's future HTTP client
            from authlib.integrations.starlette_client import OAuth

        self._grants = parse_grants(settings().oidc_roles)
        self._client: Any = OAuth().register(
            "openid",
            client_id=client_id,
            client_secret=secret,
            server_metadata_url=f"{url.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": scope, "code_challenge_method": "S256", "timeout": 10},
        )

    async def start(self, request: Request) -> Response:
        """Redirect the browser to the provider."""
        from httpx import HTTPError

        request.session["next"] = to_own_path(request.query_params.get("next", "/"))
        origin = (settings().public_url or str(request.base_url)).rstrip("/")
        try:
            redirect: Response = await self._client.authorize_redirect(
                request, f"{origin}/sign-in/openid/callback"
            )
        except HTTPError as error:
            return _show_provider_unavailable(error)
        return redirect

    async def callback(self, request: Request) -> Response:
        """Exchange the code from the browser for the user's claims, and sign the user in."""
        from authlib.integrations.starlette_client import OAuthError
        from httpx import HTTPError
        from joserfc.errors import JoseError

        try:
            token = await self._client.authorize_access_token(request)
            claims: Mapping[str, Any] = token["userinfo"]
        except HTTPError as error:
            return _show_provider_unavailable(error)
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            _log.warning("an OpenID sign-in was rejected: %s", type(error).__name__)
            return render_message(
                400,
                "Sign-in failed",
                "The answer of the sign-in provider was invalid or came too late. Try again.",
            )
        next_page = to_own_path(request.session.pop("next", "/"))
        return await run_in_threadpool(self._sign_in, request, claims, next_page)

    def _sign_in(self, request: Request, claims: Mapping[str, Any], next_page: str) -> Response:
        claim = claims.get(settings().oidc_claim)
        groups = claim if isinstance(claim, list) else [claim]
        grant = combine_grants([group for group in groups if isinstance(group, str)], self._grants)
        with get_services(request).open_archive() as (_, connection):
            user_name = _update_user(connection, claims, grant)
            connection.commit()
        if user_name is None:
            return render_message(
                403,
                "Your account has no access",
                "None of your groups has access here, or another user has your name. Ask an admin for access.",
            )
        request.state.browser.sign_in(user_name)
        return RedirectResponse(next_page, 303)


def _update_user(
    connection: Connection[TupleRow], claims: Mapping[str, Any], grant: Grant | None
) -> str | None:
    """Add or update the user of the claims and return the name.

    Remove the user if there is no grant. Return None if the user may not sign in. That is also the
    case if a user with a password has the name: a provider's user never becomes another user.
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


def _show_provider_unavailable(error: Exception) -> Response:
    _log.error("the OpenID provider does not answer: %s", error)
    return render_message(
        503,
        "Sign-in is not available at the moment",
        "The sign-in provider does not answer. Try again in a few minutes.",
        {"Retry-After": "60"},
    )
