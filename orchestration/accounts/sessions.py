"""The table `dynamics.sessions`: which browser is signed in as which user.

A session is a row and not a signed cookie. If an admin removes a user or changes the password, the
sessions of that user end at once.
"""

import hashlib
import secrets
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.accounts.users import make_visitor
from orchestration.accounts.visitor import Visitor

SESSION_DURATION = timedelta(hours=12)
"""One working day. An OpenID user signs in at the provider again the next morning."""


def new_token() -> str:
    """Return a new secret of 256 random bits that identifies a browser."""
    return secrets.token_urlsafe(32)


def begin(connection: Connection[TupleRow], user_name: str) -> str:
    """Sign the user in and return a new browser token. Remove all expired sessions."""
    token = new_token()
    connection.execute("delete from dynamics.sessions where expires_at < now()")
    connection.execute(
        "insert into dynamics.sessions (token_sha256, user_name, expires_at) values (%s, %s, now() + %s)",
        [_hash_token(token), user_name, SESSION_DURATION],
    )
    return token


def find(connection: Connection[TupleRow], token: str) -> Visitor | None:
    """Return the visitor who is signed in with the token, with their current role and owner."""
    row = connection.execute(
        """
        select users.name, users.role, users.owner_id
        from dynamics.sessions
        join dynamics.users on users.name = sessions.user_name
        where token_sha256 = %s and expires_at > now()
        """,
        [_hash_token(token)],
    ).fetchone()
    return make_visitor(*row) if row else None


def end(connection: Connection[TupleRow], token: str) -> None:
    """Sign the browser with the token out."""
    connection.execute("delete from dynamics.sessions where token_sha256 = %s", [_hash_token(token)])


def _hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
