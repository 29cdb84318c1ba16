"""The mail queue: stores the mail content of an occurrence, queues its mails and sends them."""

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from orchestration.archive import Archive, Snapshot
from orchestration.connections import smtp_url
from orchestration.deliveries.freshness import describe_stale_data
from orchestration.deliveries.mail_content import (
    DEFAULT_MAX_ATTACHMENT_BYTES,
    MailContent,
    MessageBuilder,
    describe_interval,
)
from orchestration.deliveries.occurrences import Occurrence
from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.mailing.address import parse_sender
from orchestration.mailing.mail_record import MailRecord, load_mail_record
from orchestration.mailing.send import send_pending
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.terms import OccurrenceId
from orchestration.mailing.transport import Transport
from orchestration.saved_queries.saved_query import SavedQuery, render_subject
from orchestration.settings import settings


def build_mail_content(
    saved_query: SavedQuery,
    snapshot: Snapshot,
    occurrence: Occurrence,
    test_to: Sequence[str] = (),
    *,
    note: str | None = None,
) -> MailContent:
    """Build the mail content that the saved query defines.

    With `test_to`, the mail goes only to these addresses and its subject is marked as a test.
    `note` is added after the warning about stale data. Raise RequestError without recipients.
    """
    require_recipients(saved_query, test_to)
    delivery = saved_query.delivery
    manifest = snapshot.manifest
    subject = render_subject(
        saved_query,
        {
            "interval": describe_interval(manifest),
            "currency": manifest.currency,
            "as_of": manifest.as_of,
            "scheduled_at": occurrence.scheduled_at,
        },
    )
    to: tuple[str, ...] = tuple(test_to)
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    if delivery and not test_to:
        to, cc, bcc = delivery.send_to, delivery.cc, delivery.bcc
    stale_data = describe_stale_data(saved_query, occurrence.scheduled_at, manifest.as_of)
    return MailContent(
        subject=f"[test] {subject}" if test_to else subject,
        formats=saved_query.output.formats,
        to=to,
        cc=cc,
        bcc=bcc,
        attach_at_most=delivery.attach_at_most if delivery else DEFAULT_MAX_ATTACHMENT_BYTES,
        note=" ".join(filter(None, (stale_data, note))) or None,
    )


def require_recipients(saved_query: SavedQuery, test_to: Sequence[str] = ()) -> None:
    """Raise RequestError if the saved query has no `delivery` and there are no test recipients."""
    if saved_query.delivery is None and not test_to:
        raise RequestError(
            f"{saved_query.name} has no `delivery` and so no recipients: add it, or give --to ADDR"
        )


def queue_mail(
    connection: Connection[TupleRow],
    occurrence: Occurrence,
    content: MailContent,
    skip_reason: str | None = None,
) -> None:
    """Store the mail content, and queue a mail for each recipient who has none yet. Commits.

    With `skip_reason`, record the recipients as skipped instead. The first call for an occurrence
    decides: its content and its skip reason stay. Recipients that were recorded as skipped or
    failed before the first call are queued.
    """
    occurrence_id = occurrence.occurrence_id
    is_first = connection.execute(
        "update dynamics.occurrences set mail_content = %s where occurrence_id = %s and mail_content is null",
        [Jsonb(content.model_dump(mode="json")), occurrence_id],
    ).rowcount
    if is_first and skip_reason:
        outbox.record_without_sending(connection, occurrence_id, content.recipients, "skipped", skip_reason)
    elif is_first or not _is_skipped(connection, occurrence_id):
        outbox.queue(connection, occurrence_id, content.recipients, reopen=bool(is_first))
    connection.commit()


def _is_skipped(connection: Connection[TupleRow], occurrence_id: OccurrenceId) -> bool:
    """Return True if all mails of the occurrence were skipped."""
    (skipped,) = connection.execute(
        "select bool_and(state = 'skipped') from dynamics.deliveries where occurrence_id = %s",
        [occurrence_id],
    ).fetchone() or (None,)
    return bool(skipped)


def send_queued(
    connection: Connection[TupleRow],
    archive: Archive,
    *occurrence_ids: OccurrenceId,
    open_snapshot: Snapshot | None = None,
) -> list[MailRecord]:
    """Send the mails that are due, of these occurrences or of all, and return the settled records.

    `open_snapshot` is a snapshot of these mails that the caller already has. Raise Unavailable if
    the mail server does not answer: the mails wait, and the snapshots are kept.
    """
    sender = configured_sender()
    builders: dict[str, MessageBuilder] = {}

    def build_message(record: MailRecord, max_message_size: int | None) -> EmailMessage:
        if record.snapshot_id not in builders:
            # Mails of one occurrence follow each other, so one open report is enough.
            builders.clear()
            if open_snapshot and open_snapshot.manifest.id == record.snapshot_id:
                snapshot = open_snapshot
            else:
                snapshot = archive.open(record.snapshot_id)
            content = _load_mail_content(connection, record)
            builders[record.snapshot_id] = MessageBuilder(content, snapshot, sender)
        return builders[record.snapshot_id].build(record.message_id or "", max_message_size)

    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        return [
            record
            for occurrence_id in occurrence_ids or (None,)
            for record in send_pending(
                connection, transport, build_message, sender=sender, occurrence_id=occurrence_id
            )
        ]


def resend(
    connection: Connection[TupleRow], archive: Archive, delivery_id: int, *, force: bool = False
) -> MailRecord:
    """Send one mail again, and return its record.

    Raise RequestError as `outbox.resend` does, and if the report of the mail does not exist. Raise
    Unavailable if the mail server does not answer.
    """
    _load_mail_content(connection, load_mail_record(connection, delivery_id))
    queued = outbox.resend(connection, delivery_id, force=force)
    send_queued(connection, archive, queued.occurrence_id)
    record = load_mail_record(connection, delivery_id)
    outbox.mark_seen(connection, [record])
    return record


def preview(content: MailContent, snapshot: Snapshot) -> EmailMessage:
    """Build the mail without sending or recording it."""
    return MessageBuilder(content, snapshot, configured_sender()).build("<preview@localhost>")


def _load_mail_content(connection: Connection[TupleRow], record: MailRecord) -> MailContent:
    row = connection.execute(
        "select mail_content from dynamics.occurrences where occurrence_id = %s", [record.occurrence_id]
    ).fetchone()
    if row is None or row[0] is None:
        at = f"{record.scheduled_at:%Y-%m-%dT%H:%M:%S.%fZ}".replace(".000000", "")
        raise RequestError(
            f"delivery {record.delivery_id} has no report to send: compute it with"
            f" `dynamics deliver {record.saved_query} --at {at}`"
        )
    return MailContent.model_validate(row[0])


def configured_sender() -> Address:
    """Return the sender of the mails. Raise RequestError if DYNAMICS_MAIL_FROM is not valid."""
    try:
        return parse_sender(settings().mail_from)
    except ValueError as error:
        raise RequestError(f"setting DYNAMICS_MAIL_FROM: {error}") from None
