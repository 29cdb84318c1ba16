"""How the parts are reached: what is there already is not asked whether it is."""

import psycopg
import pytest

from orchestration import local
from orchestration.connections import database, open_archive
from orchestration.database import connect
from orchestration.settings import settings


@pytest.fixture
def own_home(monkeypatch, tmp_path):
    """A fresh home whose local services are used; they end with the test."""
    for name in ("DATABASE_URL", "S3_BUCKET", "S3_ENDPOINT_URL"):
        monkeypatch.delenv(f"DYNAMICS_{name}", raising=False)
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    local.stop(tmp_path)
    settings.cache_clear()


@pytest.fixture
def entered(monkeypatch):
    """The URLs that this process connects to from now on."""
    urls, real = [], psycopg.connect

    def connect_and_tell(url, **options):
        urls.append(url)
        return real(url, **options)

    monkeypatch.setattr(psycopg, "connect", connect_and_tell)
    return urls


def test_a_server_that_runs_is_entered_once(own_home, entered):
    assert local.running_postgres(own_home) is None
    with database() as connection:
        connection.execute("select from dynamics.snapshots")
    url = local.running_postgres(own_home)
    assert url == local.postgres(own_home)
    entered.clear()
    with database() as connection:
        connection.execute("select from dynamics.snapshots")
    with open_archive() as (archive, _):
        assert archive.list() == []
    assert entered == [url, url]


def test_a_database_that_is_missing_is_made_in_a_server_that_runs(own_home):
    url = local.postgres(own_home)
    with psycopg.connect(url.replace("/dynamics?", "/postgres?"), autocommit=True) as server:
        server.execute("drop database dynamics")
    with database() as connection:
        connection.execute("select from dynamics.snapshots")


def test_a_first_connection_brings_our_tables_and_finds_them_later(server_url, entered):
    name = "connections_empty"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"create database {name}")
    before, _, query = server_url.partition("?")
    url = f"{before.rsplit('/', 1)[0]}/{name}?{query}"
    for _ in range(2):
        with connect(url) as connection:
            assert not connection.autocommit
            connection.execute("select from dynamics.snapshots")
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"drop database {name} with (force)")
