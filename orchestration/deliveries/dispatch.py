"""From a report that was made to its mails, for all who deliver: schedules, backfills, and people by hand.

Is it right, is it worth a mail, who gets which part of it: all of that is written down first, and sent then.
"""

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Manifest, Snapshot
from orchestration.deliveries.occurrences import Occurrence, slice_occurrence
from orchestration.deliveries.post import letter_of, queue_letter, send_queued
from orchestration.deliveries.reports import require_sound, snapshot_of
from orchestration.deliveries.send_if import reason_not_to_send
from orchestration.deliveries.slices import NOBODY, Slice, build_line, slices_of
from orchestration.errors import DynamicsError, Unavailable
from orchestration.mailing import outbox
from orchestration.mailing.delivery import Delivery, Header, deliveries
from orchestration.saved_queries.saved_query import MAX_RECIPIENTS, SavedQuery
from orchestration.settings import settings


def mail_report(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    snapshot: Snapshot,
    *,
    test_to: Sequence[str] = (),
) -> list[Delivery]:
    """Mails a report, and each owner's part of it, as the saved query asks, and gives a row for each recipient.

    What was decided or sent for this occurrence before stands; what waits for another attempt is due at once.
    Whom `send_if` leaves out, and an owner without an address, is a row that was skipped; a part that cannot be made
    is rows that failed, and stops no other. `test_to` gets the whole report, marked, whatever `send_if` says. Raises
    WrongReport, RequestError without anybody to mail to, and Unavailable: mails that are queued wait then.
    """
    require_sound(snapshot, occurrence.scheduled_at)
    slices: list[Occurrence] = []
    if test_to:
        queue_letter(connection, occurrence, letter_of(saved_query, snapshot, occurrence, test_to))
    else:
        until = snapshot.manifest.interval.to
        parts = slices_of(connection, saved_query, settings().base_currency, until)
        slices = [
            _queue_slice(connection, archive, saved_query, occurrence, part, snapshot.manifest)
            for part in parts
        ]
        # The whole report last: once it has rows, nothing of its occurrence is left to be made.
        _queue(connection, archive, saved_query, occurrence, snapshot)
    numbers = [each.occurrence_id for each in (occurrence, *slices)]
    send_queued(connection, archive, *numbers, in_hand=snapshot)
    return [row for number in numbers for row in rows_of(connection, number)]


def rows_of(connection: Connection[TupleRow], occurrence_id: int) -> list[Delivery]:
    """A row for each recipient of an occurrence, in the order of its letter."""
    return deliveries(connection, occurrence_id=occurrence_id, limit=2 * MAX_RECIPIENTS)[::-1]


def told(row: Delivery) -> str:
    """What became of one mail, on one line."""
    when = f" at {row.finished_at:%Y-%m-%d %H:%M:%S%z}" if row.finished_at else ""
    part = f", owner {row.slice}" if row.slice else ""
    return f"{row.state} to {row.recipient}{part}{when}{f' ({row.reply})' if row.reply else ''}"


def unsent(rows: Sequence[Delivery]) -> list[Delivery]:
    """Those who should have a mail by now and have none: all but the sent and those skipped on purpose."""
    return [row for row in rows if row.state not in ("sent", "skipped")]


def _queue(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    snapshot: Snapshot,
    note: str | None = None,
) -> None:
    letter = letter_of(saved_query, snapshot, occurrence, note=note)
    reason = reason_not_to_send(connection, archive, saved_query, occurrence, snapshot)
    queue_letter(connection, occurrence, letter, skipped_because=reason)


def _queue_slice(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    whole: Occurrence,
    part: Slice,
    all_owners: Manifest,
) -> Occurrence:
    """Makes an owner's report and queues its mails, or records why there are none."""
    occurrence = slice_occurrence(connection, whole, part.slice_id)
    problem = part.problem
    if problem is None:
        narrow = part.of(saved_query)
        try:
            snapshot = snapshot_of(connection, archive, narrow, occurrence, settings().base_currency)
            require_sound(snapshot, occurrence.scheduled_at)
            note = build_line(snapshot.manifest, all_owners)
            _queue(connection, archive, narrow, occurrence, snapshot, note)
        except Unavailable:
            raise
        except DynamicsError as error:
            connection.rollback()
            problem = str(error)
    if problem is not None:
        to: Header = "to"
        recipients = [(address, to) for address in part.addresses or (NOBODY,)]
        outbox.close(
            connection,
            occurrence.occurrence_id,
            recipients,
            "failed" if part.addresses else "skipped",
            problem,
        )
        connection.commit()
    return occurrence
