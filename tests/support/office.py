"""Billing data, marts and servers for saved queries that run in Dagster."""

import secrets
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

import psycopg
import pytest
from dagster import DagsterInstance, materialize

from orchestration import local
from orchestration.connections import database
from orchestration.saved_queries.saved_query_file import read_saved_query
from orchestration.scheduling.assets import assets_of
from orchestration.scheduling.dagster_marts import dbt_resource, marts_assets
from orchestration.settings import settings
from orchestration.source import load, write_sample

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def environment():
    """Sets `DYNAMICS_*` and reads the settings anew, until the module ends."""
    with pytest.MonkeyPatch.context() as patch:

        def change(**values):
            for name, value in values.items():
                patch.setenv(f"DYNAMICS_{name.upper()}", str(value))
            settings.cache_clear()

        yield change
    settings.cache_clear()


@dataclass
class Office:
    """A Dagster instance of its own, the marts that it built, and what it sends."""

    home: Path
    marts: object
    folder: Path
    instance: DagsterInstance = field(default_factory=DagsterInstance.ephemeral)

    def saved_query(self, text, name=None):
        """A saved query of that YAML; every `@` address in it is this query's alone."""
        name = name or f"query_{secrets.token_hex(4)}"
        path = self.folder / f"{name}.yaml"
        path.write_text(text.replace("@", f"@{name.replace('_', '-')}."))
        return read_saved_query(path)

    def run(self, *saved_queries, **options):
        """Materializes the snapshots and deliveries of saved queries in one run, as a schedule does."""
        assets = [assets_of(saved_query) for saved_query in saved_queries]
        return materialize(assets, instance=self.instance, run_config=QUIET, raise_on_error=False, **options)

    def mails(self, saved_query):
        """The mails that the mailbox has of a saved query, the oldest first."""
        host = saved_query.name.replace("_", "-")
        found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in self._letters()]
        return [mail for mail in found if f"@{host}." in mail["Delivered-To"]]

    def _letters(self):
        # Not by name: it holds microseconds without their leading zeros.
        return sorted((local.maildir(self.home) / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)

    def value(self, query, *parameters):
        """The first value that the ledger answers."""
        with database() as connection:
            return connection.execute(query, parameters).fetchone()[0]


@pytest.fixture(scope="module")
def office(server_url, migrated_template, home, tmp_path_factory, environment):
    """Four months of forty clients, in marts that dbt has built through Dagster, once for the module."""
    name = f"office_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"create database {name} template {migrated_template}")
    before, _, query = server_url.partition("?")
    environment(home=home, database_url=f"{before.rsplit('/', 1)[0]}/{name}?{query}")
    folder = tmp_path_factory.mktemp("office")
    write_sample(folder / "extract", clients=40, months=4, seed=1)
    local.mailbox(home)
    with database() as connection:
        load(connection, folder / "extract", base_currency="USD")
    marts = materialize([marts_assets()], resources={"dbt": dbt_resource()}, run_config=QUIET)
    return Office(home, marts, folder)
