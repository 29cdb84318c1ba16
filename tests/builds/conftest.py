"""A loaded database that a test can build, change and build again."""

from datetime import UTC, datetime

import databases
import pytest
from extract import Package
from marts_replay import upsert
from tiny import client, moved, world

from orchestration.builds import build_marts
from orchestration.database import connect

AS_OF = datetime(2018, 6, 1, tzinfo=UTC)
WORLD = world(
    Package("p1", "One"),
    *(client(name) for name in "abcdef"),
    *(moved(name, "2018-03-10", "refill", "10") for name in "abcdef"),
    moved("a", "2018-03-11", "package_activation", "-3", "p1"),
)


class Billed:
    """A database with a build, and what a test does to it."""

    def __init__(self, connection, url, state) -> None:
        self.connection, self.url, self.state = connection, url, state

    def correct(self, amount: str = "25") -> None:
        """Correct one transaction."""
        self.connection.execute("update billing.transactions set amount = %s where client_id = 'b'", [amount])
        self.connection.commit()

    def build(self, **options):
        return build_marts(self.connection, state=self.state, **options)


@pytest.fixture
def billed(server_url, migrated_template, tmp_path):
    """A small loaded database with a finished build."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        upsert(connection, WORLD)
        connection.execute("insert into dynamics.loads (as_of, source) values (%s, 'test')", [AS_OF])
        connection.commit()
        made = Billed(connection, url, tmp_path / "dbt")
        made.build()
        yield made
