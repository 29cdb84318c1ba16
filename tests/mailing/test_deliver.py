"""From the outbox to the mailbox. The mailbox is counted, and the record must agree with it."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

import pytest

from orchestration.database import connect
from orchestration.errors import RequestError, Unavailable
from orchestration.mailing import outbox
from orchestration.mailing.deliver import send_pending
from orchestration.mailing.delivery import deliveries
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
SENDER = Address("Customer Dynamics", "reports", "example.com")


def build(delivery, max_size):
    message = EmailMessage(policy.SMTP)
    message["To"] = delivery.recipient
    message["Message-ID"] = delivery.message_id
    message.set_content(f"of {delivery.snapshot_id}, at most {max_size} bytes")
    return message


def send(connection, box, write=build, reply_timeout=20.0, **which):
    with Transport(SmtpUrl.parse(box.url), command_timeout=20, reply_timeout=reply_timeout) as transport:
        return send_pending(connection, transport, write, sender=SENDER, **which)


@pytest.fixture
def queued(database, occurrence):
    """Three mails of one occurrence."""
    number = occurrence()
    outbox.queue(database, number, [(ANN, "to"), (BOB, "cc"), (EVE, "bcc")])
    database.commit()
    return number


def states(connection):
    return {row.recipient: row.state for row in deliveries(connection, limit=1000)}


def time_passes(connection):
    """The waits and the leases of all mails end."""
    connection.execute(
        "update dynamics.deliveries set not_before = now(), leased_until = now() - interval '1 second' where leased_until is not null or state = 'queued'"
    )
    connection.commit()


def test_each_recipient_gets_one_mail_of_its_own(database, mailbox, queued):
    settled = send(database, mailbox)
    assert [(row.recipient, row.state) for row in settled] == [(ANN, "sent"), (BOB, "sent"), (EVE, "sent")]
    assert mailbox.recipients() == [ANN, BOB, EVE]
    for row, (recipient, envelope) in zip(settled, mailbox.taken, strict=True):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert (recipient, mail["Message-ID"], envelope.mail_from) == (
            row.recipient,
            row.message_id,
            SENDER.addr_spec,
        )
        assert mail.get_content().strip() == "of monthly-1, at most 33554432 bytes"
    assert len({row.message_id for row in settled}) == 3
    assert send(database, mailbox) == []
    assert mailbox.connections == 1


def test_one_refused_recipient_stops_no_other(database, mailbox, queued):
    mailbox.at_rcpt = {ANN: "550 5.1.1 no such user", BOB: "451 4.7.1 greylisted"}
    send(database, mailbox)
    assert states(database) == {ANN: "failed", BOB: "queued", EVE: "sent"}
    mailbox.at_rcpt = {}
    time_passes(database)
    (row,) = send(database, mailbox)
    assert (row.recipient, row.state, row.attempts) == (BOB, "sent", 2)
    assert mailbox.recipients() == [BOB, EVE]


def test_a_retry_keeps_its_message_id(database, mailbox, queued):
    mailbox.after_body[ANN] = "451 try again"
    first = next(row for row in send(database, mailbox) if row.recipient == ANN)
    mailbox.after_body = {}
    time_passes(database)
    (again,) = send(database, mailbox)
    assert (again.state, again.message_id) == ("sent", first.message_id)


def test_without_a_reply_a_mail_is_unknown_until_somebody_sends_it_on_purpose(database, mailbox, queued):
    mailbox.after_body[BOB] = "hang"
    unknown = next(row for row in send(database, mailbox, reply_timeout=0.5) if row.recipient == BOB)
    assert states(database) == {ANN: "sent", BOB: "unknown", EVE: "sent"}
    mailbox.after_body = {}
    time_passes(database)
    outbox.queue(database, queued, [(ANN, "to"), (BOB, "cc"), (EVE, "bcc")])
    assert send(database, mailbox) == []
    assert mailbox.recipients() == [ANN, BOB, EVE]
    outbox.resend(database, unknown.delivery_id)
    (row,) = send(database, mailbox)
    assert (row.state, row.message_id) == ("sent", unknown.message_id)
    assert mailbox.recipients() == [ANN, BOB, BOB, EVE]


def test_without_a_mail_server_all_mails_wait_and_none_was_begun(database, mailbox, queued):
    mailbox.port, port = 1, mailbox.port
    with pytest.raises(
        Unavailable, match=r"127\.0\.0\.1:1 .*DYNAMICS_SMTP_URL.*snapshot is kept.*deliveries resend"
    ) as error:
        send(database, mailbox)
    assert len(str(error.value).splitlines()) == 1
    rows = deliveries(database)
    assert {row.state for row in rows} == {"queued"}
    assert [row.attempts for row in reversed(rows)] == [1, 0, 0]  # the others have not even tried
    assert all(row.sending_at is None for row in rows)
    mailbox.port = port
    outbox.queue(database, queued, [(ANN, "to")])  # a rerun
    send(database, mailbox)
    assert mailbox.recipients() == [ANN, BOB, EVE]


def test_a_mail_that_cannot_be_written_fails_and_stops_no_other(database, mailbox, queued):
    def hostile(delivery, max_size):
        if delivery.recipient == ANN:
            raise RequestError("the mail cannot be written: 'a\\nBcc: b' holds a line break")
        return build(delivery, max_size)

    send(database, mailbox, hostile)
    assert states(database) == {ANN: "failed", BOB: "sent", EVE: "sent"}
    assert mailbox.recipients() == [BOB, EVE]


def test_while_the_snapshots_are_away_mails_wait(database, mailbox, queued):
    def bucket_is_away(delivery, max_size):
        raise Unavailable("the bucket does not answer")

    with pytest.raises(Unavailable, match="bucket does not answer; no mail is lost"):
        send(database, mailbox, bucket_is_away)
    assert set(states(database).values()) == {"queued"}
    assert mailbox.taken == []


def test_only_the_occurrence_asked_for_is_sent(database, mailbox, queued, occurrence):
    other = occurrence(day=2)
    outbox.queue(database, other, [(ANN, "to")])
    (row,) = send(database, mailbox, occurrence_id=other)
    assert row.occurrence_id == other
    assert len(mailbox.taken) == 1


def test_two_workers_at_once_send_no_copy_twice(database, database_url, mailbox, occurrence):
    everybody = [f"user{n}@example.com" for n in range(50)]
    outbox.queue(database, occurrence(), [(one, "bcc") for one in everybody])
    database.commit()

    def work(_):
        with connect(database_url) as connection:
            return len(send(connection, mailbox))

    with ThreadPoolExecutor() as pool:
        shares = list(pool.map(work, range(2)))
    assert mailbox.recipients() == sorted(everybody)
    assert set(states(database).values()) == {"sent"}
    assert sum(shares) == 50
    assert all(shares)  # both had work


@pytest.mark.parametrize(
    ("step", "left", "then", "copies"),
    [
        ("building", "queued", "sent", 1),
        ("at_rcpt", "sending", "unknown", 0),
        ("at_data", "sending", "unknown", 0),
        ("after_body", "sending", "unknown", 1),
        ("replied", "sending", "unknown", 1),
    ],
)
def test_a_killed_worker_leaves_the_truth_and_no_second_copy(
    database, database_url, mailbox, occurrence, step, left, then, copies
):
    outbox.queue(database, occurrence(), [(ANN, "to")])
    database.commit()
    if hasattr(mailbox, step):
        setattr(mailbox, step, {ANN: "hang"})
    program = Path(__file__).with_name("killable_worker.py")
    with subprocess.Popen(
        [sys.executable, program, database_url, mailbox.url, step], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert mailbox.hangs.wait(20) if hasattr(mailbox, step) else worker.stdout.readline() == f"{step}\n"
        os.kill(worker.pid, signal.SIGKILL)
    assert states(database) == {ANN: left}
    if hasattr(mailbox, step):
        setattr(mailbox, step, {})
    assert send(database, mailbox) == []  # its lease holds
    time_passes(database)
    assert [row.state for row in send(database, mailbox)] == [then]
    time_passes(database)
    assert send(database, mailbox) == []
    assert mailbox.recipients() == [ANN] * copies


@pytest.mark.parametrize("seed", range(3))
def test_whatever_fails_nobody_gets_two_and_the_record_agrees_with_the_mailbox(
    database, database_url, mailbox, occurrence, seed
):
    """Two workers, random faults for half of the recipients, then the faults end and what may be is tried again."""
    chance = random.Random(seed)
    everybody = [f"user{n}@example.com" for n in range(30)]
    outbox.queue(database, occurrence(), [(one, "to") for one in everybody])
    database.commit()
    for one in chance.sample(everybody, 15):
        step = getattr(mailbox, chance.choice(["at_rcpt", "at_data", "at_body", "after_body"]))
        step[one] = chance.choice(["450 later", "421 closing", "550 never", "drop", "drop"])
    mailbox.after_body[everybody[0]] = "hang"

    def work(_):
        with connect(database_url) as connection:
            send(connection, mailbox, reply_timeout=1)

    for _ in range(2):
        with ThreadPoolExecutor() as pool:
            list(pool.map(work, range(2)))
        for faults in (mailbox.at_rcpt, mailbox.at_data, mailbox.at_body, mailbox.after_body):
            faults.clear()
        time_passes(database)
    copies, record = Counter(mailbox.recipients()), states(database)
    assert set(record) == set(everybody)
    assert max(copies.values()) == 1
    assert {one for one in everybody if record[one] == "sent"} <= set(copies)
    assert {record[one] for one in copies} <= {"sent", "unknown"}
    assert {record[one] for one in set(everybody) - set(copies)} <= {"failed", "unknown"}
