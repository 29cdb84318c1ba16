"""A pytest plugin: billing data, marts and servers for saved queries that run in Dagster.

Dagster is imported where it is used, because pytest loads this plugin for all tests.
"""

import secrets
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import cached_property
from pathlib import Path

import databases
import pytest

from orchestration import local
from orchestration.connections import database
from orchestration.settings import settings

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def change_settings():
    """Return a function that sets `DYNAMICS_*` variables until the module ends."""
    with pytest.MonkeyPatch.context() as patch:

        def change(**values):
            for name, value in values.items():
                patch.setenv(f"DYNAMICS_{name.upper()}", str(value))
            settings.cache_clear()

        yield change
    settings.cache_clear()


@dataclass
class DagsterHarness:
    """A Dagster instance with built marts, which delivers saved queries to the local mailbox."""

    home: Path
    marts: object
    """The result of the run that built the marts."""
    folder: Path
    """The folder of the saved queries."""

    @cached_property
    def instance(self):
        """A Dagster instance in memory."""
        from dagster import DagsterInstance

        return DagsterInstance.ephemeral()

    def saved_query(self, text, name=None):
        """Write and read a saved query. Each `@` address gets a domain of this query only."""
        from orchestration.saved_queries.reader import read_saved_query

        name = name or f"query_{secrets.token_hex(4)}"
        path = self.folder / f"{name}.yaml"
        path.write_text(text.replace("@", f"@{name.replace('_', '-')}."))
        return read_saved_query(path)

    def run(self, *saved_queries, **options):
        """Materialize the assets of saved queries in one run, as a schedule does."""
        from dagster import materialize

        from orchestration.scheduling.assets import build_assets

        assets = [build_assets(saved_query) for saved_query in saved_queries]
        return materialize(assets, instance=self.instance, run_config=QUIET, raise_on_error=False, **options)

    def mails(self, saved_query):
        """Return the mails of a saved query in the mailbox, oldest first."""
        domain = saved_query.name.replace("_", "-")
        mails = [
            message_from_bytes(path.read_bytes(), policy=policy.default) for path in self._list_mail_files()
        ]
        return [mail for mail in mails if f"@{domain}." in mail["Delivered-To"]]

    def _list_mail_files(self):
        # File names cannot be sorted: they have microseconds without leading zeros.
        return sorted((local.maildir(self.home) / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)

    def select_value(self, query, *parameters):
        """Return the first value of a query to the database."""
        with database() as connection:
            return connection.execute(query, parameters).fetchone()[0]


@pytest.fixture(scope="module")
def harness(server_url, migrated_template, home, tmp_path_factory, change_settings):
    """Return a harness with four months of forty clients, in marts that dbt built in Dagster."""
    from dagster import materialize

    from orchestration.scheduling.marts_assets import build_dbt_resource, build_marts_assets
    from orchestration.source import load, write_sample

    database_url = databases.create(server_url, f"harness_{secrets.token_hex(4)}", migrated_template)
    change_settings(home=home, database_url=database_url)
    folder = tmp_path_factory.mktemp("harness")
    write_sample(folder / "extract", clients=40, months=4, seed=1)
    local.mailbox(home)
    with database() as connection:
        load(connection, folder / "extract", base_currency="USD")
    marts = materialize([build_marts_assets()], resources={"dbt": build_dbt_resource()}, run_config=QUIET)
    return DagsterHarness(home, marts, folder)
