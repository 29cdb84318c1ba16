"""Connections to the services that the settings name, or to the local services of the home."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration import local
from orchestration.archive import Archive
from orchestration.db.database import connect, first_line
from orchestration.db.pool import acquire, release
from orchestration.errors import DynamicsError, Unavailable
from orchestration.object_store import ObjectStore, open_configured_store
from orchestration.settings import settings

OpenArchive = Callable[[], AbstractContextManager[tuple[Archive, Connection[TupleRow]]]]
"""A function such as `open_archive`."""


def database_url() -> str:
    """Return the URL of the database. It can contain a password.

    Start the local Postgres if the settings name no database.
    """
    url = settings().database_url
    return url.get_secret_value() if url else local.postgres(settings().home)


@contextmanager
def database() -> Iterator[Connection[TupleRow]]:
    """Yield a connection to the database. Commit and close it at the end.

    Raise Unavailable if the database does not answer, DynamicsError if a permission is missing.
    """
    with _translate_errors(), _connect(connect)[1] as connection:
        yield connection


def _connect(open_connection: Callable[[str], Connection[TupleRow]]) -> tuple[str, Connection[TupleRow]]:
    """Return the URL of the database, and the connection that `open_connection` makes.

    A running local server is not checked first, because the connection shows whether it answers.
    """
    running_url = None if settings().database_url else local.running_postgres(settings().home)
    if running_url:
        with suppress(Unavailable):  # the server is starting, or it has no database yet
            return running_url, open_connection(running_url)
    url = database_url()
    return url, open_connection(url)


def _acquire_or_connect(url: str) -> Connection[TupleRow]:
    return acquire(url) or connect(url)


@contextmanager
def _translate_errors() -> Iterator[None]:
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
    """Return the bucket of the snapshots. Start the local bucket if the settings name none."""
    return open_configured_store()


@contextmanager
def open_archive() -> Iterator[tuple[Archive, Connection[TupleRow]]]:
    """Yield the archive, and the database connection of its index.

    At the end, commit the connection and keep it in the pool. Raise as `database`.
    """
    with _translate_errors():
        url, connection = _connect(_acquire_or_connect)
        try:
            yield Archive(object_store(), connection, public_url()), connection
            connection.commit()
        except BaseException:
            connection.close()
            raise
        release(url, connection)


def smtp_url() -> str:
    """Return the URL of the mail server. It can contain a password.

    Start the local mailbox if the settings name no mail server.
    """
    url = settings().smtp_url
    return url.get_secret_value() if url else local.mailbox(settings().home)


def public_url() -> str:
    """Return the beginning of all links: the setting, or the address of this home's web pages."""
    return (settings().public_url or f"http://127.0.0.1:{local.web_port(settings().home)}").rstrip("/")
