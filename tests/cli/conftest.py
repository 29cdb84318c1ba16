"""Desks: one with an empty database, one whose marts know the golden extract."""

import secrets

import psycopg
import pytest
from desk import GOLDEN, Desk

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
    """A saved query that is mailed to two."""
    return MONTHLY


@pytest.fixture
def empty_desk(monkeypatch, home, database_url, tmp_path):
    """A desk before the first load."""
    yield Desk(monkeypatch, home, database_url, tmp_path)
    settings.cache_clear()


@pytest.fixture(scope="session")
def golden_template(home, server_url, migrated_template, tmp_path_factory):
    """A database with the golden extract, loaded and built by the commands, and what they said."""
    name = f"golden_cli_{secrets.token_hex(4)}"
    _copy(server_url, migrated_template, name)
    with pytest.MonkeyPatch.context() as monkeypatch:
        desk = Desk(monkeypatch, home, _at(server_url, name), tmp_path_factory.mktemp("golden"))
        said = [desk("load", GOLDEN / "source"), desk("build")]
    settings.cache_clear()
    return name, said


@pytest.fixture
def desk(monkeypatch, home, server_url, golden_template, monthly, tmp_path):
    """A desk whose marts know the golden extract, with one saved query, `monthly`."""
    name = f"desk_{secrets.token_hex(6)}"
    _copy(server_url, golden_template[0], name)
    desk = Desk(monkeypatch, home, _at(server_url, name), tmp_path)
    desk.saved_query("monthly", monthly)
    yield desk
    settings.cache_clear()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def _copy(server_url, template, name):
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")


def _at(server_url, name):
    before, _, query = server_url.partition("?")
    return before.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
