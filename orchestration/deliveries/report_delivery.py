"""Report delivery: from a computed report to its mails, for schedules, backfills and users.

It checks the report, applies `send_if`, splits the report by owner and queues all mails. Only then
it sends them.
"""

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Manifest, Snapshot
from orchestration.deliveries.mail_queue import build_mail_content, queue_mail, send_queued
from orchestration.deliveries.occurrences import Occurrence, reserve_slice
from orchestration.deliveries.report_generation import load_or_create_snapshot, require_consistent
from orchestration.deliveries.send_if import find_reason_not_to_send
from orchestration.deliveries.slices import NO_ADDRESS, Slice, describe_build_difference, find_slices
from orchestration.errors import DynamicsError, Unavailable
from orchestration.mailing import outbox
from orchestration.mailing.mail_record import MailRecord, find_mail_records
from orchestration.mailing.terms import Header, OccurrenceId
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
) -> list[MailRecord]:
    """Mail a report and its slices as the saved query defines, and return all mail records.

    Earlier decisions and mails of this occurrence stay. Mails that wait for another attempt become
    due now. Suppressed recipients and owners without an address are recorded as `skipped`. A slice
    that fails is recorded as `failed` and does not affect the others. With `test_to`, these
    addresses get the whole report as a marked test, regardless of `send_if`.

    Raise InconsistentReport, RequestError without recipients, and Unavailable. After Unavailable
    the queued mails wait.
    """
    require_consistent(snapshot, occurrence.scheduled_at)
    slices: list[Occurrence] = []
    if test_to:
        queue_mail(connection, occurrence, build_mail_content(saved_query, snapshot, occurrence, test_to))
    else:
        until = snapshot.manifest.interval.to
        slices = [
            _queue_slice(connection, archive, saved_query, occurrence, part, snapshot.manifest)
            for part in find_slices(connection, saved_query, settings().base_currency, until)
        ]
        # The whole report comes last: when its mails exist, the occurrence counts as complete.
        _queue_report(connection, archive, saved_query, occurrence, snapshot)
    occurrence_ids = [queued.occurrence_id for queued in (occurrence, *slices)]
    send_queued(connection, archive, *occurrence_ids, open_snapshot=snapshot)
    return [record for number in occurrence_ids for record in load_occurrence_mails(connection, number)]


def load_occurrence_mails(connection: Connection[TupleRow], occurrence_id: OccurrenceId) -> list[MailRecord]:
    """Return the mail records of an occurrence, in the order of its recipients."""
    return find_mail_records(connection, occurrence_id=occurrence_id, limit=2 * MAX_RECIPIENTS)[::-1]


def describe_mail(record: MailRecord) -> str:
    """Return the state of one mail, in one line."""
    when = f" at {record.finished_at:%Y-%m-%d %H:%M:%S%z}" if record.finished_at else ""
    owner = f", owner {record.slice}" if record.slice else ""
    reply = f" ({record.reply})" if record.reply else ""
    return f"{record.state} to {record.recipient}{owner}{when}{reply}"


def find_unsent(records: Sequence[MailRecord]) -> list[MailRecord]:
    """Return the mails that were neither sent nor skipped."""
    return [record for record in records if record.state not in ("sent", "skipped")]


def _queue_report(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    snapshot: Snapshot,
    note: str | None = None,
) -> None:
    content = build_mail_content(saved_query, snapshot, occurrence, note=note)
    skip_reason = find_reason_not_to_send(connection, archive, saved_query, occurrence, snapshot)
    queue_mail(connection, occurrence, content, skip_reason)


def _queue_slice(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    whole: Occurrence,
    part: Slice,
    whole_manifest: Manifest,
) -> Occurrence:
    """Compute an owner's report and queue its mails, or record why it has none."""
    occurrence = reserve_slice(connection, whole, part.slice_id)
    problem = part.problem
    if problem is None:
        owner_query = part.narrow(saved_query)
        try:
            snapshot = load_or_create_snapshot(
                connection, archive, owner_query, occurrence, settings().base_currency
            )
            require_consistent(snapshot, occurrence.scheduled_at)
            note = describe_build_difference(snapshot.manifest, whole_manifest)
            _queue_report(connection, archive, owner_query, occurrence, snapshot, note)
        except Unavailable:
            raise
        except DynamicsError as error:
            connection.rollback()
            problem = str(error)
    if problem is not None:
        to: Header = "to"
        recipients = [(address, to) for address in part.addresses or (NO_ADDRESS,)]
        outbox.record_without_sending(
            connection,
            occurrence.occurrence_id,
            recipients,
            "failed" if part.addresses else "skipped",
            problem,
        )
        connection.commit()
    return occurrence
