"""A sample extract in a database of its own, built, and a full build to compare with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import databases
import psycopg
import pytest
from marts_replay import MartsReplay

from orchestration import database as database_room
from orchestration.builds import PendingBuild, build_marts
from orchestration.source import load, write_sample


@dataclass
class Billed:
    """A database with an extract and its marts."""

    connection: psycopg.Connection
    url: str
    folder: Path
    replay: MartsReplay

    @property
    def state(self) -> Path:
        return self.folder / "dbt"

    def rerate(self, *, clients: int = 10) -> None:
        """Double all that so many of the sixty clients used."""
        self.change(
            "update billing.transactions set amount = amount * 2 where kind = 'usage'"
            " and client_id in (select client_id from billing.clients order by client_id limit %s)",
            [clients],
        )

    def change(self, text: str, parameters: list | None = None) -> None:
        """Execute and commit a statement."""
        with self.connection.transaction():
            self.connection.execute(text, parameters)

    def build(self, **how) -> PendingBuild:
        return build_marts(self.connection, state=self.state, **how)

    def differences(self) -> dict[str, int]:
        """How many rows of each model differ from those of a full build."""
        try:
            return self.replay.differences_from_full()
        finally:
            self.connection.rollback()

    def current_build(self) -> int:
        """The number of the build that reports read."""
        [(build_id,)] = self.connection.execute(
            "select max(build_id) from dynamics.builds where finished_at is not null"
        ).fetchall()
        self.connection.rollback()
        return build_id


@pytest.fixture(scope="module")
def billed(server_url, migrated_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("builds")
    write_sample(folder / "sample", clients=60, months=8, seed=5, until=datetime(2026, 7, 1, tzinfo=UTC))
    with (
        databases.fresh(server_url, migrated_template) as url,
        database_room.connect(url) as connection,
    ):
        load(connection, folder / "sample")
        yield Billed(connection, url, folder, MartsReplay(connection, folder / "dbt"))
