"""The parts as the settings name them; a part they do not name is the local service of this home."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration import local
from orchestration.archive import Archive
from orchestration.database import connect, first_line
from orchestration.errors import DynamicsError, Unavailable
from orchestration.object_store import ObjectStore, configured
from orchestration.resting import rest, rested
from orchestration.settings import settings


def database_url() -> str:
    """The URL of the database, a secret; starts the local Postgres when no other is named."""
    named = settings().database_url
    return named.get_secret_value() if named else local.postgres(settings().home)


@contextmanager
def database() -> Iterator[Connection[TupleRow]]:
    """A connection to the database, committed at the end and closed.

    Raises Unavailable when it does not answer, or no more, and DynamicsError for what its user may not do.
    """
    with _clear_errors(), connect(database_url()) as connection:
        yield connection


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the database has stopped answering ({first_line(error)}): run it again"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise DynamicsError(
            f"the database refuses ({first_line(error)}): grant that to the user of DYNAMICS_DATABASE_URL"
        ) from error


def object_store() -> ObjectStore:
    """Return the bucket of the snapshots; start the local one when the settings name none."""
    return configured()


@contextmanager
def open_archive() -> Iterator[tuple[Archive, Connection[TupleRow]]]:
    """The archive, and the database connection that its index is on: committed at the end, and kept for the next time.

    Raises as `database`.
    """
    url = database_url()
    with _clear_errors():
        connection = rested(url) or connect(url)
        try:
            yield Archive(object_store(), connection, public_url()), connection
            connection.commit()
        except BaseException:
            connection.close()
            raise
        rest(url, connection)


def smtp_url() -> str:
    """The URL of the mail server, a secret; starts the local mailbox when no other is named."""
    named = settings().smtp_url
    return named.get_secret_value() if named else local.mailbox(settings().home)


def public_url() -> str:
    """What links begin with: the address this home serves its pages at, unless the settings name another."""
    return (settings().public_url or f"http://127.0.0.1:{local.web_port(settings().home)}").rstrip("/")
