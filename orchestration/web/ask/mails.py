"""What became of the mails of a report that somebody asked for."""

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive.snapshot import is_snapshot_id
from orchestration.deliveries.dispatch import rows_of
from orchestration.mailing.delivery import Delivery


def mails_of(connection: Connection[TupleRow], snapshot_id: str) -> list[Delivery]:
    """A row for each recipient of that snapshot's mail, in the order of its letter; none when nobody was mailed."""
    if not is_snapshot_id(snapshot_id):
        return []
    found = connection.execute(
        "select occurrence_id from dynamics.occurrences where snapshot_id = %s and purpose <> 'delivery'",
        [snapshot_id],
    ).fetchone()
    return rows_of(connection, found[0]) if found else []
