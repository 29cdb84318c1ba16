"""`dynamics.users`: who may sign in, as what, and bound to which reseller."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Semaphore
from typing import TYPE_CHECKING

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.builds.store import current_build
from orchestration.errors import RequestError
from orchestration.reporting.owners import owner_id
from orchestration.reporting.parameters import ReportQuery
from orchestration.web.visitor import Role, Visitor

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSWORD_LENGTH = range(12, 1025)
"""Shorter is guessed; longer only keeps the hash busy."""

_AT_ONCE = Semaphore(2)
"""A hash takes 64 MB and 0.2 s: so many at once, however many try to sign in."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in: with a password that is kept here, or vouched for by the OpenID provider."""

    name: str
    role: str
    owner_id: str | None
    signs_in_with: str
    added_at: datetime


def add(
    connection: Connection[TupleRow],
    name: str,
    password: str,
    role: Role,
    *,
    owner: str | None = None,
    base_currency: str,
) -> None:
    """Adds a user with a password; `owner` is the reseller (name or id) whose clients alone they see.

    Raises RequestError for a name that is taken or none, a password of the wrong length, an admin who is bound, and a
    reseller that the current marts do not know.
    """
    require_name(name)
    if taken(connection, name):
        raise RequestError(f"there is a user {name!r}: remove them first, or choose another name")
    bound_to = _reseller(connection, owner, base_currency) if owner else None
    if bound_to and role is Role.ADMIN:
        raise RequestError("an admin sees to everybody's links: no owner, or another role")
    connection.execute(
        "insert into dynamics.users (name, password_hash, role, owner_id) values (%s, %s, %s, %s)",
        [name, _hash(password), role.name.lower(), bound_to],
    )


def require_name(name: str) -> None:
    """Raises RequestError for a name that cannot be told on one line."""
    if not re.fullmatch(r"\S(.{0,98}\S)?", name) or not name.isprintable():
        raise RequestError(f"{name!r} is no user's name: 1 to 100 characters, with no blank at its ends")


def taken(connection: Connection[TupleRow], name: str) -> bool:
    """Whether somebody has that name, in whatever case."""
    found = connection.execute("select from dynamics.users where lower(name) = lower(%s)", [name])
    return found.fetchone() is not None


def set_password(connection: Connection[TupleRow], name: str, password: str) -> None:
    """Gives a user another password and signs them out everywhere. Raises RequestError for an unknown name."""
    changed = connection.execute(
        "update dynamics.users set password_hash = %s where name = %s and password_hash is not null",
        [_hash(password), name],
    )
    if not changed.rowcount:
        raise RequestError(f"no user {name!r} has a password here: see `dynamics users list`")
    connection.execute("delete from dynamics.sessions where user_name = %s", [name])


def remove(connection: Connection[TupleRow], name: str) -> None:
    """Removes a user, who is signed out by that at once. Raises RequestError for an unknown name."""
    if not connection.execute("delete from dynamics.users where name = %s", [name]).rowcount:
        raise RequestError(f"there is no user {name!r}: see `dynamics users list`")


def everybody(connection: Connection[TupleRow]) -> list[User]:
    """All users by name."""
    rows = connection.execute(
        """
        select name, role, owner_id, case when subject is null then 'password' else 'OpenID' end, added_at
        from dynamics.users order by lower(name)
        """
    )
    return [User(*row) for row in rows]


def exist(connection: Connection[TupleRow]) -> bool:
    """Whether there is any user, so that pages are for those alone who sign in."""
    return connection.execute("select from dynamics.users limit 1").fetchone() is not None


def check(connection: Connection[TupleRow], name: str, password: str) -> str | None:
    """The name of the user who signs in with that name, in whatever case, and password; None for all others alike.

    It takes the same time whether there is such a user or not. A hash with outdated parameters is made anew.
    """
    from argon2.exceptions import VerificationError

    row: tuple[str, str] | None = connection.execute(
        "select name, password_hash from dynamics.users where lower(name) = lower(%s) and password_hash is not null",
        [name],
    ).fetchone()
    known, kept = row or (None, _nobodys_hash())
    with _AT_ONCE:
        try:
            hasher().verify(kept, password[: PASSWORD_LENGTH.stop])
        except VerificationError:
            return None
    if known and hasher().check_needs_rehash(kept):
        connection.execute(
            "update dynamics.users set password_hash = %s where name = %s", [_hash(password), known]
        )
    return known


def visitor_named(name: str, role: str, owner: str | None) -> Visitor:
    """A visitor, as the columns of `dynamics.users` describe them."""
    return Visitor(name, Role[role.upper()], owner)


@cache
def hasher() -> "PasswordHasher":
    """Argon2id, with the parameters that its library recommends."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return hasher().hash("whoever is not there has this password, which does not help")


def _hash(password: str) -> str:
    if len(password) not in PASSWORD_LENGTH:
        raise RequestError(
            f"the password has {len(password)} characters: use {PASSWORD_LENGTH.start} or more, at most 1,024"
        )
    with _AT_ONCE:
        return hasher().hash(password)


def _reseller(connection: Connection[TupleRow], owner: str, base_currency: str) -> str:
    with current_build(connection) as build:
        return owner_id(build, ReportQuery(interval="today"), owner, base_currency)
