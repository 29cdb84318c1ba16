"""A pytest plugin with the small world: a database of two resellers and their clients.

To use it, a test module overrides the fixture `database_url`:

    @pytest.fixture
    def database_url(small_world_url):
        return small_world_url
"""

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime

import databases
import pytest
from stores import SLOW_STATEMENTS, alter_store, delete_build

from orchestration.builds import build_marts
from orchestration.db.database import connect
from orchestration.settings import settings
from orchestration.source import load

HOSTILE = '<script>alert(1)</script>"&{{ 7*7 }}'

_EXTRACT = {
    "clients": """client_id,name,client_type,owner_id,currency,created_at,updated_at
r1,Northline,reseller,,USD,2018-01-01T00:00:00Z,2018-01-01T00:00:00Z
r2,Meridian,reseller,,USD,2018-01-01T00:00:00Z,2018-01-01T00:00:00Z
r3,Twin,reseller,,USD,2018-01-01T00:00:00Z,2018-01-01T00:00:00Z
r4,Twin,reseller,,USD,2018-01-01T00:00:00Z,2018-01-01T00:00:00Z
r5,"<script>alert(1)</script>""&{{ 7*7 }}",reseller,,USD,2018-01-01T00:00:00Z,2018-01-01T00:00:00Z
c1,Ann,client,r1,USD,2018-01-02T00:00:00Z,2018-01-02T00:00:00Z
c2,Bob,client,r2,EUR,2018-01-02T00:00:00Z,2018-01-02T00:00:00Z
""",
    "client_tags": """client_id,tag
c1,retail
c1,"net 30, prepaid"
c2,secret vip
""",
    "packages": """package_id,name
p1,Basic
p2,Gold of Meridian
""",
    "transactions": """transaction_id,client_id,occurred_at,kind,amount,package_id,updated_at,voided_at
t1,c1,2018-03-01T09:00:00Z,package_activation,-10.00,p1,2018-03-01T09:00:00Z,
t2,c2,2018-03-02T09:00:00Z,package_activation,-77.77,p2,2018-03-02T09:00:00Z,
t3,c1,2018-03-06T09:00:00Z,refill,125.00,,2018-03-06T09:00:00Z,
""",
    "exchange_rates": """currency,valid_from,rate
EUR,2017-01-01,1.25
""",
}


@pytest.fixture(scope="session")
def small_world_template(server_url, migrated_template, tmp_path_factory):
    """Return the name of a database with the small world and its marts, which tests copy."""
    name, folder = f"small_world_{secrets.token_hex(4)}", tmp_path_factory.mktemp("small_world")
    for table, text in _EXTRACT.items():
        (folder / f"{table}.csv").write_text(text)
    url = databases.create(server_url, name, migrated_template)
    with pytest.MonkeyPatch.context() as patch, connect(url) as connection:
        patch.setenv("DYNAMICS_DATABASE_URL", url)
        settings.cache_clear()
        load(connection, folder, as_of=datetime(2018, 6, 1, tzinfo=UTC))
        build_marts(connection, state=folder / "dbt")
    settings.cache_clear()
    return name


@pytest.fixture
def small_world_url(server_url, small_world_template):
    """Return the URL of a fresh copy of the small world, which is dropped after the test."""
    with databases.fresh(server_url, small_world_template) as url:
        yield url


@pytest.fixture
def templates_folder(monkeypatch, home, tmp_path):
    """Return an empty folder of saved queries. Mails go to the mailbox of the test worker."""
    folder = tmp_path / "report_templates"
    folder.mkdir()
    monkeypatch.setenv("DYNAMICS_HOME", str(home))
    monkeypatch.setenv("DYNAMICS_TEMPLATES", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


@pytest.fixture
def slow_reports(database):
    """Make every report that is computed in the block take some seconds."""

    @contextmanager
    def slow_down():
        build_id = alter_store(database, *SLOW_STATEMENTS)
        try:
            yield
        finally:
            delete_build(database, build_id)

    return slow_down
