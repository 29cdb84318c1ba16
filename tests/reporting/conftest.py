"""Marts that any small extract can be put into, built once for all that asks them."""

import databases
import pytest
from marts_replay import MartsReplay

from orchestration.database import connect


@pytest.fixture(scope="session")
def replay(server_url, migrated_template, tmp_path_factory):
    """Marts of a database of their own; whoever fills them rolls back."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        yield MartsReplay(connection, tmp_path_factory.mktemp("dbt"))
