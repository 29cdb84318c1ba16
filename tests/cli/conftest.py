"""The command line with an empty database, and with marts of the golden extract."""

import secrets

import databases
import pytest
from cli_harness import GOLDEN, CliHarness

from orchestration.settings import settings

MONTHLY = """\
title: Monthly
query:
  interval: {from: 2018-01-01, to: 2018-12-31}
  group_by: [month]
output:
  formats: [csv]
  chart: balance_refill_total
delivery:
  schedule: "0 7 1 * *"
  timezone: Europe/Kyiv
  send_to: [finance@example.com]
  bcc: [audit@example.com]
"""


@pytest.fixture(scope="session")
def monthly():
    """Return a saved query with two recipients."""
    return MONTHLY


@pytest.fixture
def empty_cli(monkeypatch, home, database_url, tmp_path):
    """Return the command line with an empty database."""
    yield CliHarness(monkeypatch, home, database_url, tmp_path)
    settings.cache_clear()


@pytest.fixture(scope="session")
def golden_template(home, server_url, migrated_template, tmp_path_factory):
    """Return the name of a database with golden marts, and the results of `load` and `build`."""
    name = f"golden_cli_{secrets.token_hex(4)}"
    url = databases.create(server_url, name, migrated_template)
    with pytest.MonkeyPatch.context() as monkeypatch:
        cli = CliHarness(monkeypatch, home, url, tmp_path_factory.mktemp("golden"))
        results = [cli("load", GOLDEN / "source"), cli("build")]
    settings.cache_clear()
    return name, results


@pytest.fixture
def cli(monkeypatch, home, server_url, golden_template, monthly, tmp_path):
    """Return the command line with marts of the golden extract and the saved query `monthly`."""
    with databases.fresh(server_url, golden_template[0]) as url:
        cli = CliHarness(monkeypatch, home, url, tmp_path)
        cli.saved_query("monthly", monthly)
        yield cli
        settings.cache_clear()
