"""The parts as the settings name them; a part they do not name is the local service of this home."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

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
    with _clear_errors(), _connected(connect)[1] as connection:
        yield connection


def _connected(enter: Callable[[str], Connection[TupleRow]]) -> tuple[str, Connection[TupleRow]]:
    """Return the database's URL and the connection that `enter` makes of it.

    A local server that runs is not asked first whether it answers: to enter it tells.
    """
    running = None if settings().database_url else local.running_postgres(settings().home)
    if running:
        with suppress(Unavailable):  # it is still starting, or has no database yet
            return running, enter(running)
    url = database_url()
    return url, enter(url)


def _rested_or_new(url: str) -> Connection[TupleRow]:
    return rested(url) or connect(url)


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
    with _clear_errors():
        url, connection = _connected(_rested_or_new)
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
