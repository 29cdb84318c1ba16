"""Deliveries that somebody asks for: a saved query's now, or the mail of a query made by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot, new_snapshot_id
from orchestration.connections import smtp_url
from orchestration.deliveries.dispatch import mail_report, rows_of
from orchestration.deliveries.letters import Letter, interval_words
from orchestration.deliveries.occurrences import Occurrence, delivery_occurrence, other_occurrence
from orchestration.deliveries.post import (
    letter_of,
    preview,
    queue_letter,
    require_recipients,
    send_queued,
    sender_of_mails,
)
from orchestration.deliveries.reports import require_sound, snapshot_of
from orchestration.deliveries.requester import this_user
from orchestration.deliveries.send_if import reason_not_to_send
from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.mailing.address import parse_address
from orchestration.mailing.delivery import Delivery
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.reporting.report import Progress
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
) -> tuple[Snapshot, list[Delivery]]:
    """Makes the report of `saved_query` as its schedule would at `at`, and mails it: its snapshot, a row a recipient.

    A moment that was delivered before is not delivered again: its snapshot stays, and so does what each recipient
    has got. `test_to` sends a marked mail to these addresses instead, which does not count. Raises RequestError for
    a moment to come, which would be taken for delivered when it comes, WrongReport, Unavailable, and what making the
    report raises.
    """
    testers = recipients(test_to)
    require_recipients(saved_query, testers)
    require_mail_settings()
    if testers:
        occurrence = other_occurrence(
            connection, "test", saved_query.name, at, new_snapshot_id(), generated_by
        )
    elif at > datetime.now(UTC):
        raise RequestError(f"{at.isoformat()} is yet to come: add --to ADDR for a test, or --dry-run")
    else:
        occurrence = delivery_occurrence(connection, saved_query.name, at, generated_by)
    snapshot = snapshot_of(
        connection, archive, saved_query, occurrence, settings().base_currency, progress=progress
    )
    rows = mail_report(connection, archive, saved_query, occurrence, snapshot, test_to=testers)
    outbox.seen(connection, rows)
    return snapshot, rows


def dry_run(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    at: datetime,
    *,
    test_to: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[Snapshot, EmailMessage, str | None]:
    """The mail that `deliver` would send, with a snapshot of its own behind its link; nothing is sent or recorded.

    The last is why `send_if` would keep it back, if it would. Of a report that is split it is the whole.
    """
    testers = recipients(test_to)
    require_recipients(saved_query, testers)
    occurrence = Occurrence(0, "test", saved_query.name, at, new_snapshot_id(), this_user(), is_new=True)
    snapshot = snapshot_of(
        connection, archive, saved_query, occurrence, settings().base_currency, progress=progress
    )
    require_sound(snapshot, at)
    kept_back = (
        None if testers else reason_not_to_send(connection, archive, saved_query, occurrence, snapshot)
    )
    return snapshot, preview(letter_of(saved_query, snapshot, occurrence, testers), snapshot), kept_back


def mail_snapshot(
    connection: Connection[TupleRow],
    archive: Archive,
    snapshot: Snapshot,
    to: tuple[str, ...],
    formats: tuple[str, ...],
) -> list[Delivery]:
    """Mails a snapshot that was made on request to `to` (of `recipients`), and gives a row for each recipient."""
    manifest = snapshot.manifest
    occurrence = other_occurrence(
        connection, "query", manifest.saved_query, manifest.generated_at, manifest.id, manifest.generated_by
    )
    letter = Letter(subject=f"{manifest.title}: {interval_words(manifest)}", formats=formats, to=to)
    queue_letter(connection, occurrence, letter)
    send_queued(connection, archive, occurrence.occurrence_id, in_hand=snapshot)
    return rows_of(connection, occurrence.occurrence_id)


def recipients(addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses as mail servers compare them, each once. Raises RequestError for one that is none, or too many."""
    try:
        found = tuple(dict.fromkeys(parse_address(address) for address in addresses))
    except ValueError as error:
        raise RequestError(str(error)) from None
    if len(found) > MAX_RECIPIENTS:
        raise RequestError(f"{len(found)} addresses: one mail goes to {MAX_RECIPIENTS} at most")
    return found


def require_mail_settings() -> None:
    """Raises RequestError when the settings of the mail are wrong: asked before a report is made, not after it."""
    SmtpUrl.parse(smtp_url())
    sender_of_mails()
