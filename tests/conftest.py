"""Real services for all tests: each test worker has a home, and each test has a database."""

from pathlib import Path

import databases
import pytest

from orchestration import local
from orchestration.db.database import connect
from orchestration.settings import settings

pytest_plugins = ["buckets", "dagster_harness", "markers", "small_world"]


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """Return the home of this test worker. Its services are stopped at the end."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DYNAMICS_HOME", str(folder))
        settings.cache_clear()
        yield folder
    settings.cache_clear()
    local.stop(folder)


@pytest.fixture(scope="session")
def server_url(home: Path) -> str:
    """Return the URL of the maintenance database on this worker's Postgres."""
    return local.postgres(home)


@pytest.fixture(scope="session")
def migrated_template(server_url: str) -> str:
    """Return the name of a database with our tables and an empty schema `billing`, to copy."""
    from orchestration.source import ensure_schema

    name = "template_dynamics"
    with connect(databases.create(server_url, name, "template0")) as connection:
        ensure_schema(connection)
    return name


@pytest.fixture
def database_url(server_url: str, migrated_template: str):
    """Return the URL of a new database, which is dropped after the test."""
    with databases.fresh(server_url, migrated_template) as url:
        yield url


@pytest.fixture
def database(database_url: str):
    """Return a connection to a new database."""
    with connect(database_url) as connection:
        yield connection
