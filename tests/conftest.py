"""Real servers for all tests: one home of local services a worker, one database a test."""

import secrets
from pathlib import Path

import psycopg
import pytest

from orchestration import database as database_room
from orchestration import local


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home of its own for this worker; what was started in it is stopped at the end."""
    folder = tmp_path_factory.mktemp("home")
    yield folder
    local.stop(folder)


@pytest.fixture(scope="session")
def server_url(home: Path) -> str:
    """The URL of this worker's Postgres, ending in the maintenance database."""
    return local.postgres(home)


@pytest.fixture(scope="session")
def migrated_template(server_url: str) -> str:
    """A database with our own tables and an empty `billing` schema, that tests copy."""
    from orchestration.source import ensure_schema

    name = "template_dynamics"
    _create(server_url, name, "template0")
    url = _in(server_url, name)
    with database_room.connect(url) as connection:
        ensure_schema(connection)
    return name


@pytest.fixture
def database_url(server_url: str, migrated_template: str):
    """The URL of a fresh database, dropped after the test."""
    name = f"test_{secrets.token_hex(6)}"
    _create(server_url, name, migrated_template)
    yield _in(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def database(database_url: str):
    """A connection to a fresh database."""
    with database_room.connect(database_url) as connection:
        yield connection


def _create(server_url: str, name: str, template: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")


def _in(server_url: str, name: str) -> str:
    """The same server, another database."""
    before, _, query = server_url.partition("?")
    return before.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
