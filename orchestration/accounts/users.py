"""The table `dynamics.users`: who may sign in, in which role, for which reseller."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Semaphore
from typing import TYPE_CHECKING

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.accounts.visitor import Role, Visitor
from orchestration.builds.store import current_build
from orchestration.errors import RequestError
from orchestration.reporting.owners import resolve_owner
from orchestration.reporting.parameters import ReportQuery

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSWORD_LENGTH = range(12, 1025)
"""Shorter passwords can be guessed. Longer ones only take time to hash."""

_hashing = Semaphore(2)
"""Limits the hashes that are computed at once, because each needs a core and much memory."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in, with a password or through the OpenID provider."""

    name: str
    role: str
    owner_id: str | None
    signs_in_with: str
    """`password` or `OpenID`."""
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
    """Add a user with a password.

    `owner` is the name or id of a reseller. The user then sees only that reseller's clients.
    Raise RequestError for an invalid or existing name, a password of the wrong length, an admin
    with an owner, and an owner that the current build does not contain.
    """
    require_name(name)
    if is_name_taken(connection, name):
        raise RequestError(f"a user {name!r} exists already: remove that user first, or choose another name")
    owner_id = _find_owner_id(connection, owner, base_currency) if owner else None
    if owner_id and role is Role.ADMIN:
        raise RequestError(
            "an admin manages the links of all resellers: leave out the owner, or choose another role"
        )
    connection.execute(
        "insert into dynamics.users (name, password_hash, role, owner_id) values (%s, %s, %s, %s)",
        [name, _hash_password(password), role.name.lower(), owner_id],
    )


def require_name(name: str) -> None:
    """Raise RequestError if the name is not one line of 1 to 100 printable characters."""
    if not re.fullmatch(r"\S(.{0,98}\S)?", name) or not name.isprintable():
        raise RequestError(
            f"{name!r} is not a valid user name: use 1 to 100 characters without a blank at either end"
        )


def is_name_taken(connection: Connection[TupleRow], name: str) -> bool:
    """Return whether a user has that name. Case does not matter."""
    row = connection.execute("select from dynamics.users where lower(name) = lower(%s)", [name]).fetchone()
    return row is not None


def set_password(connection: Connection[TupleRow], name: str, password: str) -> None:
    """Change the password of a user and end all of the user's sessions.

    Raise RequestError if there is no such user with a password.
    """
    changed = connection.execute(
        "update dynamics.users set password_hash = %s where name = %s and password_hash is not null",
        [_hash_password(password), name],
    )
    if not changed.rowcount:
        raise RequestError(f"there is no user {name!r} with a password: see `dynamics users list`")
    connection.execute("delete from dynamics.sessions where user_name = %s", [name])


def remove(connection: Connection[TupleRow], name: str) -> None:
    """Remove a user and end all of the user's sessions. Raise RequestError for an unknown name."""
    if not connection.execute("delete from dynamics.users where name = %s", [name]).rowcount:
        raise RequestError(f"there is no user {name!r}: see `dynamics users list`")


def list_users(connection: Connection[TupleRow]) -> list[User]:
    """Return all users in the order of their names."""
    rows = connection.execute(
        """
        select name, role, owner_id, case when subject is null then 'password' else 'OpenID' end, added_at
        from dynamics.users order by lower(name)
        """
    )
    return [User(*row) for row in rows]


def has_users(connection: Connection[TupleRow]) -> bool:
    """Return whether there is a user. From the first user on, all visitors have to sign in."""
    return connection.execute("select from dynamics.users limit 1").fetchone() is not None


def authenticate(connection: Connection[TupleRow], name: str, password: str) -> str | None:
    """Return the stored name of the user with this name and password, or None.

    The case of the name does not matter. The call takes equally long for known and unknown names.
    It stores a new hash if the parameters of the old one are outdated.
    """
    from argon2.exceptions import VerificationError

    hasher = get_hasher()
    row: tuple[str, str] | None = connection.execute(
        "select name, password_hash from dynamics.users where lower(name) = lower(%s) and password_hash is not null",
        [name],
    ).fetchone()
    user_name, password_hash = row or (None, _make_dummy_hash(hasher))
    with _hashing:
        try:
            hasher.verify(password_hash, password[: PASSWORD_LENGTH.stop])
        except VerificationError:
            return None
    if user_name and hasher.check_needs_rehash(password_hash):
        connection.execute(
            "update dynamics.users set password_hash = %s where name = %s",
            [_hash_password(password), user_name],
        )
    return user_name


def make_visitor(name: str, role: str, owner_id: str | None) -> Visitor:
    """Return the visitor that these columns of `dynamics.users` describe."""
    return Visitor(name, Role[role.upper()], owner_id)


@cache
def get_hasher() -> "PasswordHasher":
    """Return an Argon2id hasher with the parameters that the library recommends."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _make_dummy_hash(hasher: "PasswordHasher") -> str:
    """Return a hash that takes the place of an unknown user's."""
    return hasher.hash("the password of a user that does not exist")


def _hash_password(password: str) -> str:
    """Return the hash of a password. Raise RequestError if its length is wrong."""
    if len(password) not in PASSWORD_LENGTH:
        raise RequestError(
            f"the password has {len(password)} characters: use {PASSWORD_LENGTH.start} to 1,024 characters"
        )
    with _hashing:
        return get_hasher().hash(password)


def _find_owner_id(connection: Connection[TupleRow], owner: str, base_currency: str) -> str:
    with current_build(connection) as build:
        return resolve_owner(build, ReportQuery(interval="today"), owner, base_currency)
