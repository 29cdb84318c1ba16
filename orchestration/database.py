"""The database connection, and our own tables in it (schema `dynamics`, kept by Alembic)."""

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import TupleRow

from orchestration.errors import Unavailable

_MIGRATIONS = Path(__file__).parent / "migrations"


def connect(url: str) -> psycopg.Connection[TupleRow]:
    """A connection whose schema `dynamics` is current, with UTC as its zone. Raises Unavailable when nobody answers."""
    _migrate_once(url)
    return _connect(url)


def _connect(url: str) -> psycopg.Connection[TupleRow]:
    try:
        return psycopg.connect(
            url, connect_timeout=10, application_name="customer-dynamics", options="-c timezone=UTC -c datestyle=ISO"
        )
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise Unavailable(
            f"the database at {_shown(url)} does not answer ({reason}): check DYNAMICS_DATABASE_URL, "
            "or unset it to use the local one"
        ) from error


def _shown(url: str) -> str:
    """The URL without what is secret in it."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'the local socket'}{parts.path}"


@cache
def _migrate_once(url: str) -> None:
    newest = max(path.stem for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
    with _connect(url) as connection:
        (known,) = connection.execute("select to_regclass('dynamics.alembic_version')").fetchone() or (None,)
        if known:
            (current,) = connection.execute("select version_num from dynamics.alembic_version").fetchone() or ("",)
            if current >= newest:
                return
    _upgrade(url)


def _upgrade(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, "head")
