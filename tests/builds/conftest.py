"""A small database with a finished build."""

from datetime import UTC, datetime

import databases
import pytest
from builders import client, make_extract, transaction
from built_database import BuiltDatabase
from extract import Package
from marts_replay import upsert

from orchestration.db.database import connect

AS_OF = datetime(2018, 6, 1, tzinfo=UTC)
EXTRACT = make_extract(
    Package("p1", "One"),
    *(client(name) for name in "abcdef"),
    *(transaction(name, "2018-03-10", "refill", "10") for name in "abcdef"),
    transaction("a", "2018-03-11", "package_activation", "-3", "p1"),
)


class SmallDatabase(BuiltDatabase):
    """A database with six clients."""

    def correct(self, amount: str = "25") -> None:
        """Correct the amount of one transaction."""
        self.change("update billing.transactions set amount = %s where client_id = 'b'", [amount])


@pytest.fixture
def built(server_url, migrated_template, tmp_path):
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        upsert(connection, EXTRACT)
        connection.execute("insert into dynamics.loads (as_of, source) values (%s, 'test')", [AS_OF])
        connection.commit()
        database = SmallDatabase(connection, url, tmp_path / "dbt")
        database.build()
        yield database
