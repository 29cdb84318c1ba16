"""The report store: the columnar file that reports read."""

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.builds.ledger import PendingBuild


def publish(
    connection: Connection[TupleRow], build: PendingBuild, *, progress: Callable[[str], None] | None = None
) -> None:
    """Publish the marts of `build` to the report store."""
