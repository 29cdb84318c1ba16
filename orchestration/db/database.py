"""Connections to the database. Alembic migrates its schema `dynamics`."""

from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from orchestration.errors import RequestError, Unavailable

_DEFAULTS = {"host": "the local socket", "port": "5432", "dbname": ""}
MIGRATIONS = Path(__file__).parent / "migrations"
_migrated_urls: set[str] = set()
"""URLs of databases that this process has found, or made, up to date."""


def connect(url: str) -> psycopg.Connection[TupleRow]:
    """Connect to a database, migrate its schema `dynamics` if needed, and set the time zone to UTC.

    Raise RequestError when the URL is malformed, and Unavailable when the database does not answer.
    No message repeats a password.
    """
    connection = _connect(url)
    if url not in _migrated_urls:
        try:
            is_migrated = _is_migrated(connection)
        except psycopg.Error:
            connection.close()
            raise
        if not is_migrated:
            connection.close()
            _migrate(url)
            connection = _connect(url)
        _migrated_urls.add(url)
    return connection


def _connect(url: str) -> psycopg.Connection[TupleRow]:
    location = redact_url(url)
    try:
        return psycopg.connect(
            url,
            connect_timeout=10,
            application_name="customer-dynamics",
            options="-c timezone=UTC -c datestyle=ISO",
        )
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the database at {location} does not answer ({first_line(error)}): check DYNAMICS_DATABASE_URL, "
            "or unset it to use the local one"
        ) from error


def redact_url(url: str) -> str:
    """Return host, port and name of a database, without user and password.

    Raise RequestError when the URL is malformed. The message does not repeat the URL.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {"port": "?"}
    host, port, name = (str(parts.get(key, default)) for key, default in _DEFAULTS.items())
    # A password with an unescaped sign ends too early, and its rest appears in another part.
    if not port.isdecimal() or "@" in host + name:
        raise RequestError(
            "DYNAMICS_DATABASE_URL must look like postgresql://user:password@host:5432/name "
            "(in user and password %40 stands for @, %2F for /, %3A for :, %23 for #)"
        )
    return f"{host}:{port}/{name}"


def first_line(error: psycopg.Error) -> str:
    """Return the first line of the error's message, for a message of one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _is_migrated(connection: psycopg.Connection[TupleRow]) -> bool:
    """Return True if the database has the newest migration."""
    newest = max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    connection.autocommit = True
    try:
        row = connection.execute("select version_num from dynamics.alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    connection.autocommit = False
    return row is not None and row[0] >= newest


def _migrate(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, "head")
