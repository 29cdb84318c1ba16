"""Manual deliveries: a saved query at a given moment, a dry run, and the mail of a single query."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot, new_snapshot_id
from orchestration.connections import smtp_url
from orchestration.deliveries.mail_content import MailContent, describe_interval
from orchestration.deliveries.mail_queue import (
    build_mail_content,
    configured_sender,
    preview,
    queue_mail,
    require_recipients,
    send_queued,
)
from orchestration.deliveries.occurrences import (
    Occurrence,
    create_unscheduled_occurrence,
    reserve_occurrence,
)
from orchestration.deliveries.report_delivery import load_occurrence_mails, mail_report
from orchestration.deliveries.report_generation import load_or_create_snapshot, require_consistent
from orchestration.deliveries.requester import get_process_user
from orchestration.deliveries.send_if import find_reason_not_to_send
from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.mailing.address import parse_address
from orchestration.mailing.mail_record import MailRecord
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.terms import OccurrenceId
from orchestration.progress import Progress
from orchestration.saved_queries.cron import require_moment_in_range
from orchestration.saved_queries.saved_query import MAX_RECIPIENTS, SavedQuery
from orchestration.settings import settings


def deliver(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    at: datetime,
    *,
    generated_by: str,
    test_to: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[Snapshot, list[MailRecord]]:
    """Compute and mail the report of `saved_query` as its schedule does at the moment `at`.

    Return the snapshot and one mail record for each recipient. A moment that was delivered before
    is not delivered again: its snapshot and the mails that were sent stay. With `test_to`, a marked
    test mail goes to these addresses instead. It does not count as the delivery of the moment.

    Raise RequestError for a future moment, because its schedule would then skip it, and for a
    moment outside the years that queries accept. Raise InconsistentReport, Unavailable, and the
    errors of the report.
    """
    testers = parse_recipients(test_to)
    require_recipients(saved_query, testers)
    require_mail_settings()
    require_moment_in_range(at)
    if testers:
        occurrence = create_unscheduled_occurrence(
            connection, "test", saved_query.name, at, new_snapshot_id(), generated_by
        )
    elif at > datetime.now(UTC):
        raise RequestError(f"{at.isoformat()} is in the future: add --to ADDR for a test, or --dry-run")
    else:
        occurrence = reserve_occurrence(connection, saved_query.name, at, generated_by)
    snapshot = load_or_create_snapshot(
        connection, archive, saved_query, occurrence, settings().base_currency, progress=progress
    )
    records = mail_report(connection, archive, saved_query, occurrence, snapshot, test_to=testers)
    outbox.mark_seen(connection, records)
    return snapshot, records


def dry_run(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    at: datetime,
    *,
    test_to: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[Snapshot, EmailMessage, str | None]:
    """Return the snapshot and the mail that `deliver` would send, without sending or recording it.

    The third value is the reason why `send_if` would suppress the mail, or None. For a split report
    the mail is that of the whole report.
    """
    testers = parse_recipients(test_to)
    require_recipients(saved_query, testers)
    require_moment_in_range(at)
    occurrence = Occurrence(
        OccurrenceId(0), "test", saved_query.name, at, new_snapshot_id(), get_process_user(), is_new=True
    )
    snapshot = load_or_create_snapshot(
        connection, archive, saved_query, occurrence, settings().base_currency, progress=progress
    )
    require_consistent(snapshot, at)
    skip_reason = (
        None if testers else find_reason_not_to_send(connection, archive, saved_query, occurrence, snapshot)
    )
    content = build_mail_content(saved_query, snapshot, occurrence, testers)
    return snapshot, preview(content, snapshot), skip_reason


def mail_snapshot(
    connection: Connection[TupleRow],
    archive: Archive,
    snapshot: Snapshot,
    to: tuple[str, ...],
    formats: tuple[str, ...],
) -> list[MailRecord]:
    """Mail the snapshot of a query to the addresses `to`, and return one record for each of them.

    `to` is the result of `parse_recipients`.
    """
    manifest = snapshot.manifest
    occurrence = create_unscheduled_occurrence(
        connection, "query", manifest.saved_query, manifest.generated_at, manifest.id, manifest.generated_by
    )
    content = MailContent(subject=f"{manifest.title}: {describe_interval(manifest)}", formats=formats, to=to)
    queue_mail(connection, occurrence, content)
    send_queued(connection, archive, occurrence.occurrence_id, open_snapshot=snapshot)
    return load_occurrence_mails(connection, occurrence.occurrence_id)


def parse_recipients(addresses: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses as mail servers compare them, without duplicates.

    Raise RequestError for an invalid address and for too many addresses.
    """
    try:
        recipients = tuple(dict.fromkeys(parse_address(address) for address in addresses))
    except ValueError as error:
        raise RequestError(str(error)) from None
    if len(recipients) > MAX_RECIPIENTS:
        raise RequestError(f"{len(recipients)} addresses: one mail can have at most {MAX_RECIPIENTS}")
    return recipients


def require_mail_settings() -> None:
    """Raise RequestError if the mail settings are wrong. Call this before a report is computed."""
    SmtpUrl.parse(smtp_url())
    configured_sender()
