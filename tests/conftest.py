"""Real servers for all tests: one home of local services a worker, one database a test."""

from pathlib import Path

import databases
import pytest

from orchestration import database as database_room
from orchestration import local
from orchestration.settings import settings


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """A home of its own for this worker; what was started in it is stopped at the end."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DYNAMICS_HOME", str(folder))
        settings.cache_clear()
        yield folder
    settings.cache_clear()
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
    with database_room.connect(databases.create(server_url, name, "template0")) as connection:
        ensure_schema(connection)
    return name


@pytest.fixture
def database_url(server_url: str, migrated_template: str):
    """The URL of a fresh database, dropped after the test."""
    with databases.fresh(server_url, migrated_template) as url:
        yield url


@pytest.fixture
def database(database_url: str):
    """A connection to a fresh database."""
    with database_room.connect(database_url) as connection:
        yield connection
