"""Connections: servers start when needed, databases are created and migrated once."""

import databases
import psycopg
import pytest

from orchestration import local
from orchestration.connections import database, open_archive
from orchestration.db.database import connect
from orchestration.settings import settings


@pytest.fixture
def own_home(monkeypatch, tmp_path):
    """Use the local services of a fresh home, and stop them after the test."""
    for name in ("DATABASE_URL", "S3_BUCKET", "S3_ENDPOINT_URL"):
        monkeypatch.delenv(f"DYNAMICS_{name}", raising=False)
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    local.stop(tmp_path)
    settings.cache_clear()


@pytest.fixture
def connected_urls(monkeypatch):
    """Return the list of URLs that this process connects to from now on."""
    urls, psycopg_connect = [], psycopg.connect

    def connect_and_record(url, **options):
        urls.append(url)
        return psycopg_connect(url, **options)

    monkeypatch.setattr(psycopg, "connect", connect_and_record)
    return urls


def test_running_server_is_connected_to_once(own_home, connected_urls):
    assert local.running_postgres(own_home) is None
    with database() as connection:
        connection.execute("select from dynamics.snapshots")
    url = local.running_postgres(own_home)
    assert url == local.postgres(own_home)
    connected_urls.clear()
    with database() as connection:
        connection.execute("select from dynamics.snapshots")
    with open_archive() as (archive, _):
        assert archive.list() == []
    assert connected_urls == [url, url]


def test_missing_database_is_created_in_a_running_server(own_home):
    url = local.postgres(own_home)
    with psycopg.connect(databases.change_name(url, "postgres"), autocommit=True) as server:
        server.execute("drop database dynamics")
    with database() as connection:
        connection.execute("select from dynamics.snapshots")


def test_first_connection_migrates_an_empty_database(server_url):
    with databases.fresh(server_url) as url:
        for _ in range(2):
            with connect(url) as connection:
                assert not connection.autocommit
                connection.execute("select from dynamics.snapshots")
