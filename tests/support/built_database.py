"""A database with a finished build, which a test can change and build again."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from orchestration.builds import PendingBuild, build_marts


@dataclass
class BuiltDatabase:
    """A database with loaded data and a finished build. `state` is the folder of dbt's files."""

    connection: psycopg.Connection
    url: str
    state: Path

    def change(self, statement: str, parameters: list | None = None) -> None:
        """Execute and commit a statement."""
        self.connection.execute(statement, parameters)
        self.connection.commit()

    def build(self, **options) -> PendingBuild:
        """Run `dynamics build`."""
        return build_marts(self.connection, state=self.state, **options)

    def current_build_id(self) -> int:
        """Return the number of the build that reports read."""
        [(build_id,)] = self.connection.execute("select build_id from dynamics.current_build").fetchall()
        self.connection.rollback()
        return build_id
