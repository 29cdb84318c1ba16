"""`dynamics.sessions`: which browser is signed in as whom.

A session is a row and not a signed cookie, so that a user who is removed, or given another password, is out at once.
"""

import hashlib
import secrets
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.web.sign_in.users import visitor_named
from orchestration.web.visitor import Visitor

LASTS = timedelta(hours=12)
"""A working day: whom a provider vouched for is asked again the next morning."""


def new_token() -> str:
    """What a browser is known by: 256 random bits."""
    return secrets.token_urlsafe(32)


def begin(connection: Connection[TupleRow], user_name: str) -> str:
    """Signs that user in and returns the token of the browser, always a new one. Sessions that are over are removed."""
    token = new_token()
    connection.execute("delete from dynamics.sessions where expires_at < now()")
    connection.execute(
        "insert into dynamics.sessions (token_sha256, user_name, expires_at) values (%s, %s, now() + %s)",
        [_sha256(token), user_name, LASTS],
    )
    return token


def find(connection: Connection[TupleRow], token: str) -> Visitor | None:
    """Who is signed in at the browser of that token, with the role and owner that they have now."""
    row = connection.execute(
        """
        select users.name, users.role, users.owner_id
        from dynamics.sessions
        join dynamics.users on users.name = sessions.user_name
        where token_sha256 = %s and expires_at > now()
        """,
        [_sha256(token)],
    ).fetchone()
    return visitor_named(*row) if row else None


def end(connection: Connection[TupleRow], token: str) -> None:
    """Signs the browser of that token out."""
    connection.execute("delete from dynamics.sessions where token_sha256 = %s", [_sha256(token)])


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
