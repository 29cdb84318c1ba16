"""From a snapshot to the mailboxes: the letter is written down, a row is queued for each recipient, and they are sent."""

from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from orchestration.archive import Archive, Snapshot
from orchestration.connections import smtp_url
from orchestration.deliveries.letters import Letter, LetterWriter, interval_words
from orchestration.deliveries.occurrences import Occurrence
from orchestration.deliveries.saved_query import SavedQuery, render_subject
from orchestration.errors import DynamicsError, RequestError
from orchestration.mailing import outbox
from orchestration.mailing.address import parse_sender
from orchestration.mailing.deliver import send_pending
from orchestration.mailing.delivery import Delivery
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport
from orchestration.settings import settings


def letter_of(
    saved_query: SavedQuery, snapshot: Snapshot, occurrence: Occurrence, test_to: Sequence[str] = ()
) -> Letter:
    """The letter that a saved query's delivery asks for; to testers alone, and marked, when there are any.

    Raises RequestError when there is nobody to send it to.
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
    formats = saved_query.output.formats
    if test_to or delivery is None:
        return Letter(subject=f"[test] {subject}", formats=formats, to=tuple(test_to))
    return Letter(subject=subject, formats=formats, to=delivery.send_to, cc=delivery.cc, bcc=delivery.bcc)


def require_recipients(saved_query: SavedQuery, test_to: Sequence[str] = ()) -> None:
    """Raises RequestError when the saved query says nothing of a delivery and there are no testers."""
    if saved_query.delivery is None and not test_to:
        raise RequestError(
            f"{saved_query.name} has no `delivery`, so that nobody is sent it: add one, or give --to ADDR"
        )


def queue_letter(connection: Connection[TupleRow], occurrence: Occurrence, letter: Letter) -> None:
    """Queues the letter for every recipient who has no mail of this occurrence yet. Commits."""
    connection.execute(
        "update dynamics.occurrences set letter = coalesce(letter, %s) where occurrence_id = %s",
        [Jsonb(letter.model_dump(mode="json")), occurrence.occurrence_id],
    )
    outbox.queue(connection, occurrence.occurrence_id, letter.recipients)
    connection.commit()


def send_queued(
    connection: Connection[TupleRow], archive: Archive, occurrence_id: int | None = None
) -> list[Delivery]:
    """Sends what is due, of one occurrence or of all, and gives the rows as they are settled.

    Raises Unavailable when the mail server is away: the mails wait, the snapshots are kept.
    """
    sender = sender_of_mails()
    writers: dict[str, LetterWriter] = {}

    def write(delivery: Delivery, max_size: int | None) -> EmailMessage:
        if delivery.snapshot_id not in writers:
            writers.clear()  # mails of one occurrence come together: memory stays that of one report
            writers[delivery.snapshot_id] = LetterWriter(
                _letter(connection, delivery), archive.open(delivery.snapshot_id), sender
            )
        return writers[delivery.snapshot_id].message(delivery.message_id or "", max_size)

    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        return send_pending(connection, transport, write, sender=sender, occurrence_id=occurrence_id)


def preview(letter: Letter, snapshot: Snapshot) -> EmailMessage:
    """The mail as it would go out, without sending or recording anything."""
    return LetterWriter(letter, snapshot, sender_of_mails()).message("<preview@localhost>")


def _letter(connection: Connection[TupleRow], delivery: Delivery) -> Letter:
    row = connection.execute(
        "select letter from dynamics.occurrences where occurrence_id = %s", [delivery.occurrence_id]
    ).fetchone()
    if row is None or row[0] is None:
        raise DynamicsError(
            f"the letter of delivery {delivery.delivery_id} is not recorded: deliver the report again"
        )
    return Letter.model_validate(row[0])


def sender_of_mails() -> Address:
    """Who the mails are from. Raises RequestError when the setting is no address."""
    try:
        return parse_sender(settings().mail_from)
    except ValueError as error:
        raise RequestError(f"setting DYNAMICS_MAIL_FROM: {error}") from None
