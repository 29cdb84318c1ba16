"""The mails of a snapshot, as its pages show them."""

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive.snapshot import is_snapshot_id
from orchestration.deliveries.report_delivery import load_occurrence_mails
from orchestration.mailing.mail_record import MailRecord, find_mail_records

_MAX_MAILS = 1000


def load_snapshot_mails(connection: Connection[TupleRow], snapshot_id: str) -> list[MailRecord]:
    """Return the mail records of a snapshot, newest first."""
    row = connection.execute(
        "select occurrence_id from dynamics.occurrences where snapshot_id = %s", [snapshot_id]
    ).fetchone()
    return find_mail_records(connection, occurrence_id=row[0], limit=_MAX_MAILS) if row else []


def load_requested_mails(connection: Connection[TupleRow], snapshot_id: str) -> list[MailRecord]:
    """Return the mail records of a snapshot that a visitor mailed, in the order of the recipients.

    The mails of a scheduled delivery are left out: their addresses need other permissions.
    """
    if not is_snapshot_id(snapshot_id):
        return []
    row = connection.execute(
        "select occurrence_id from dynamics.occurrences where snapshot_id = %s and purpose <> 'delivery'",
        [snapshot_id],
    ).fetchone()
    return load_occurrence_mails(connection, row[0]) if row else []
