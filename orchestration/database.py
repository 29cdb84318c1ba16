"""The database connection, and our own tables in it (schema `dynamics`, kept by Alembic)."""

from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from orchestration.errors import RequestError, Unavailable

_DEFAULTS = {"host": "the local socket", "port": "5432", "dbname": ""}
_MIGRATIONS = Path(__file__).parent / "migrations"
_current: set[str] = set()
"""URLs of databases that this process has found current."""


def connect(url: str) -> psycopg.Connection[TupleRow]:
    """Connect to a database, whose schema `dynamics` is then current, with UTC as the zone.

    Raises RequestError for a URL that is none, Unavailable when nobody answers; no message repeats a password.
    """
    connection = _connect(url)
    if url not in _current:
        try:
            is_current = _is_current(connection)
        except psycopg.Error:
            connection.close()
            raise
        if not is_current:
            connection.close()
            _upgrade(url)
            connection = _connect(url)
        _current.add(url)
    return connection


def _connect(url: str) -> psycopg.Connection[TupleRow]:
    where = shown(url)
    try:
        return psycopg.connect(
            url,
            connect_timeout=10,
            application_name="customer-dynamics",
            options="-c timezone=UTC -c datestyle=ISO",
        )
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the database at {where} does not answer ({first_line(error)}): check DYNAMICS_DATABASE_URL, "
            "or unset it to use the local one"
        ) from error


def shown(url: str) -> str:
    """Where the database is, without what is secret. Raises RequestError, which repeats nothing, for no URL of one."""
    try:
        known = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        known = {"port": "?"}
    host, port, name = (str(known.get(key, default)) for key, default in _DEFAULTS.items())
    # What stands elsewhere than it should is mostly the rest of a password with a bare sign in it.
    if not port.isdecimal() or "@" in host + name:
        raise RequestError(
            "DYNAMICS_DATABASE_URL must look like postgresql://user:password@host:5432/name "
            "(in user and password %40 stands for @, %2F for /, %3A for :, %23 for #)"
        )
    return f"{host}:{port}/{name}"


def first_line(error: psycopg.Error) -> str:
    """The part of the server's or driver's words that fits a one-line message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _is_current(connection: psycopg.Connection[TupleRow]) -> bool:
    """Return whether the database has the newest of our migrations."""
    newest = max(path.stem for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
    connection.autocommit = True
    try:
        row = connection.execute("select version_num from dynamics.alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    connection.autocommit = False
    return row is not None and row[0] >= newest


def _upgrade(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, "head")
