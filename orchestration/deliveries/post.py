"""From a snapshot to the mailboxes: the letter is written down, a row is queued for each recipient, and they are sent."""

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from orchestration.archive import Archive, Snapshot
from orchestration.connections import smtp_url
from orchestration.deliveries.freshness import stale_line
from orchestration.deliveries.letters import ATTACH_AT_MOST, Letter, LetterWriter, interval_words
from orchestration.deliveries.occurrences import Occurrence
from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.mailing.address import parse_sender
from orchestration.mailing.deliver import send_pending
from orchestration.mailing.delivery import Delivery, delivery
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport
from orchestration.saved_queries.saved_query import SavedQuery, render_subject
from orchestration.settings import settings


def letter_of(
    saved_query: SavedQuery,
    snapshot: Snapshot,
    occurrence: Occurrence,
    test_to: Sequence[str] = (),
    *,
    note: str | None = None,
) -> Letter:
    """The letter that a saved query's delivery asks for; to testers alone, and marked, when there are any.

    `note` is for its reader, beside what is to be said of stale data. Raises RequestError when there is nobody to
    send it to.
    """
    require_recipients(saved_query, test_to)
    delivery = saved_query.delivery
    manifest = snapshot.manifest
    subject = render_subject(
        saved_query,
        {
            "interval": interval_words(manifest),
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
    return Letter(
        subject=f"[test] {subject}" if test_to else subject,
        formats=saved_query.output.formats,
        to=to,
        cc=cc,
        bcc=bcc,
        attach_at_most=delivery.attach_at_most if delivery else ATTACH_AT_MOST,
        note=" ".join(filter(None, (stale_line(saved_query, occurrence.scheduled_at, manifest.as_of), note)))
        or None,
    )


def require_recipients(saved_query: SavedQuery, test_to: Sequence[str] = ()) -> None:
    """Raises RequestError when the saved query says nothing of a delivery and there are no testers."""
    if saved_query.delivery is None and not test_to:
        raise RequestError(
            f"{saved_query.name} has no `delivery`, so that nobody is sent it: add one, or give --to ADDR"
        )


def queue_letter(
    connection: Connection[TupleRow],
    occurrence: Occurrence,
    letter: Letter,
    skipped_because: str | None = None,
) -> None:
    """Writes the letter down and queues it for every recipient who has no mail of this occurrence yet. Commits.

    With a reason the recipients are recorded as skipped instead. The first letter counts, and so does its reason:
    mails that were skipped by it stay so. What was closed before there was a letter is queued after all.
    """
    number = occurrence.occurrence_id
    first = connection.execute(
        "update dynamics.occurrences set letter = %s where occurrence_id = %s and letter is null",
        [Jsonb(letter.model_dump(mode="json")), number],
    ).rowcount
    if first and skipped_because:
        outbox.close(connection, number, letter.recipients, "skipped", skipped_because)
    elif first or not _skipped(connection, number):
        outbox.queue(connection, number, letter.recipients, reopen=bool(first))
    connection.commit()


def _skipped(connection: Connection[TupleRow], occurrence_id: int) -> bool:
    """Whether the occurrence is not mailed to anybody on purpose."""
    (skipped,) = connection.execute(
        "select bool_and(state = 'skipped') from dynamics.deliveries where occurrence_id = %s",
        [occurrence_id],
    ).fetchone() or (None,)
    return bool(skipped)


def send_queued(
    connection: Connection[TupleRow],
    archive: Archive,
    *occurrence_ids: int,
    in_hand: Snapshot | None = None,
) -> list[Delivery]:
    """Sends what is due, of these occurrences or of all, and gives the rows as they are settled.

    The snapshot `in_hand` was opened for these mails already.
    Raises Unavailable when the mail server is away: the mails wait, the snapshots are kept.
    """
    sender = sender_of_mails()
    writers: dict[str, LetterWriter] = {}

    def write(delivery: Delivery, max_size: int | None) -> EmailMessage:
        if delivery.snapshot_id not in writers:
            writers.clear()  # mails of one occurrence come together: memory stays that of one report
            if in_hand and in_hand.manifest.id == delivery.snapshot_id:
                snapshot = in_hand
            else:
                snapshot = archive.open(delivery.snapshot_id)
            writers[delivery.snapshot_id] = LetterWriter(_letter(connection, delivery), snapshot, sender)
        return writers[delivery.snapshot_id].message(delivery.message_id or "", max_size)

    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        return [
            row
            for number in occurrence_ids or (None,)
            for row in send_pending(connection, transport, write, sender=sender, occurrence_id=number)
        ]


def resend(
    connection: Connection[TupleRow], archive: Archive, delivery_id: int, *, force: bool = False
) -> Delivery:
    """Sends one mail again, on purpose, and gives its row.

    Raises what `outbox.resend` raises, RequestError for a mail whose report was never made, and Unavailable.
    """
    _letter(connection, delivery(connection, delivery_id))
    queued = outbox.resend(connection, delivery_id, force=force)
    send_queued(connection, archive, queued.occurrence_id)
    row = delivery(connection, delivery_id)
    outbox.seen(connection, [row])
    return row


def preview(letter: Letter, snapshot: Snapshot) -> EmailMessage:
    """The mail as it would go out, without sending or recording anything."""
    return LetterWriter(letter, snapshot, sender_of_mails()).message("<preview@localhost>")


def _letter(connection: Connection[TupleRow], delivery: Delivery) -> Letter:
    row = connection.execute(
        "select letter from dynamics.occurrences where occurrence_id = %s", [delivery.occurrence_id]
    ).fetchone()
    if row is None or row[0] is None:
        at = f"{delivery.scheduled_at:%Y-%m-%dT%H:%M:%S.%fZ}".replace(".000000", "")
        raise RequestError(
            f"delivery {delivery.delivery_id} has no report to send: make it with"
            f" `dynamics deliver {delivery.saved_query} --at {at}`"
        )
    return Letter.model_validate(row[0])


def note_of(connection: Connection[TupleRow], occurrence_id: int) -> str | None:
    """What the letter of an occurrence tells its readers beside the report, if it tells anything."""
    row = connection.execute(
        "select letter ->> 'note' from dynamics.occurrences where occurrence_id = %s", [occurrence_id]
    ).fetchone()
    return row[0] if row else None


def sender_of_mails() -> Address:
    """Who the mails are from. Raises RequestError when the setting is no address."""
    try:
        return parse_sender(settings().mail_from)
    except ValueError as error:
        raise RequestError(f"setting DYNAMICS_MAIL_FROM: {error}") from None
