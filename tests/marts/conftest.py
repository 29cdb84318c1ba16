"""A sample extract in its own database with a finished build, and a full build to compare with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import databases
import pytest
from built_database import BuiltDatabase
from marts_replay import MartsReplay

from orchestration.db.database import connect
from orchestration.source import load, write_sample


@dataclass
class SampleDatabase(BuiltDatabase):
    """A database with a sample of sixty clients, whose extract is in the folder `sample`."""

    sample: Path
    replay: MartsReplay

    def rerate(self, *, clients: int = 10) -> None:
        """Double the usage of the first clients."""
        self.change(
            "update billing.transactions set amount = amount * 2 where kind = 'usage'"
            " and client_id in (select client_id from billing.clients order by client_id limit %s)",
            [clients],
        )

    def differences(self) -> dict[str, int]:
        """Return the number of rows per model that differ from a full build."""
        try:
            return self.replay.differences_from_full()
        finally:
            self.connection.rollback()


@pytest.fixture(scope="module")
def built(server_url, migrated_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("builds")
    write_sample(folder / "sample", clients=60, months=8, seed=5, until=datetime(2026, 7, 1, tzinfo=UTC))
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        load(connection, folder / "sample")
        state = folder / "dbt"
        yield SampleDatabase(connection, url, state, folder / "sample", MartsReplay(connection, state))
