"""Sending from the outbox to a mail server. The mail records must agree with the mailbox."""

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
from threading import Barrier

import pytest

from orchestration.db.database import connect
from orchestration.errors import RequestError, Unavailable
from orchestration.mailing import outbox
from orchestration.mailing.mail_record import find_mail_records
from orchestration.mailing.send import send_pending
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
SENDER = Address("Customer Dynamics", "reports", "example.com")


def build(record, max_size):
    message = EmailMessage(policy.SMTP)
    message["To"] = record.recipient
    message["Message-ID"] = record.message_id
    message.set_content(f"of {record.snapshot_id}, at most {max_size} bytes")
    return message


def send(connection, mailbox, build_message=build, reply_timeout=20.0, **options):
    with Transport(SmtpUrl.parse(mailbox.url), command_timeout=20, reply_timeout=reply_timeout) as transport:
        return send_pending(connection, transport, build_message, sender=SENDER, **options)


@pytest.fixture
def queued(database, occurrence):
    """Queue three mails of one occurrence, and return the occurrence."""
    number = occurrence()
    outbox.queue(database, number, [(ANN, "to"), (BOB, "cc"), (EVE, "bcc")])
    database.commit()
    return number


def states(connection):
    return {row.recipient: row.state for row in find_mail_records(connection, limit=1000)}


def let_time_pass(connection):
    """End the waits and the leases of all mails."""
    connection.execute(
        "update dynamics.deliveries set not_before = now(), leased_until = now() - interval '1 second' where leased_until is not null or state = 'queued'"
    )
    connection.commit()


def test_each_recipient_gets_a_separate_mail(database, mailbox, queued):
    settled = send(database, mailbox)
    assert [(row.recipient, row.state) for row in settled] == [(ANN, "sent"), (BOB, "sent"), (EVE, "sent")]
    assert mailbox.recipients() == [ANN, BOB, EVE]
    for row, (recipient, envelope) in zip(settled, mailbox.accepted, strict=True):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert (recipient, mail["Message-ID"], envelope.mail_from) == (
            row.recipient,
            row.message_id,
            SENDER.addr_spec,
        )
        assert mail.get_content().strip() == "of monthly-1, at most 33554432 bytes"
    assert len({row.message_id for row in settled}) == 3
    assert send(database, mailbox) == []
    assert mailbox.connection_count == 1


def test_a_refused_recipient_does_not_stop_the_others(database, mailbox, queued):
    mailbox.at_rcpt = {ANN: "550 5.1.1 no such user", BOB: "451 4.7.1 greylisted"}
    send(database, mailbox)
    assert states(database) == {ANN: "failed", BOB: "queued", EVE: "sent"}
    mailbox.at_rcpt = {}
    let_time_pass(database)
    (row,) = send(database, mailbox)
    assert (row.recipient, row.state, row.attempts) == (BOB, "sent", 2)
    assert mailbox.recipients() == [BOB, EVE]


def test_a_retry_keeps_its_message_id(database, mailbox, queued):
    mailbox.after_body[ANN] = "451 try again"
    first = next(row for row in send(database, mailbox) if row.recipient == ANN)
    mailbox.after_body = {}
    let_time_pass(database)
    (again,) = send(database, mailbox)
    assert (again.state, again.message_id) == ("sent", first.message_id)


def test_without_a_reply_a_mail_is_unknown_until_a_resend(database, mailbox, queued):
    mailbox.after_body[BOB] = "hang"
    unknown = next(row for row in send(database, mailbox, reply_timeout=0.5) if row.recipient == BOB)
    assert states(database) == {ANN: "sent", BOB: "unknown", EVE: "sent"}
    mailbox.after_body = {}
    let_time_pass(database)
    outbox.queue(database, queued, [(ANN, "to"), (BOB, "cc"), (EVE, "bcc")])
    assert send(database, mailbox) == []
    assert mailbox.recipients() == [ANN, BOB, EVE]
    outbox.resend(database, unknown.delivery_id)
    (row,) = send(database, mailbox)
    assert (row.state, row.message_id) == ("sent", unknown.message_id)
    assert mailbox.recipients() == [ANN, BOB, BOB, EVE]


def test_without_a_mail_server_all_mails_wait(database, mailbox, queued):
    mailbox.port, port = 1, mailbox.port
    with pytest.raises(
        Unavailable, match=r"127\.0\.0\.1:1 .*DYNAMICS_SMTP_URL.*snapshot is kept.*deliveries resend"
    ) as error:
        send(database, mailbox)
    assert len(str(error.value).splitlines()) == 1
    rows = find_mail_records(database)
    assert {row.state for row in rows} == {"queued"}
    assert [row.attempts for row in reversed(rows)] == [1, 0, 0], "the first failure stops the others"
    assert all(row.sending_at is None for row in rows)
    mailbox.port = port
    outbox.queue(database, queued, [(ANN, "to")])  # as a repeated run does
    send(database, mailbox)
    assert mailbox.recipients() == [ANN, BOB, EVE]


def test_a_mail_that_cannot_be_built_fails_alone(database, mailbox, queued):
    def fail_for_ann(record, max_size):
        if record.recipient == ANN:
            raise RequestError("the mail cannot be composed: 'a\\nBcc: b' has a line break")
        return build(record, max_size)

    send(database, mailbox, fail_for_ann)
    assert states(database) == {ANN: "failed", BOB: "sent", EVE: "sent"}
    assert mailbox.recipients() == [BOB, EVE]


def test_mails_wait_for_the_bucket(database, mailbox, queued):
    def fail_without_bucket(record, max_size):
        raise Unavailable("the bucket does not answer")

    with pytest.raises(Unavailable, match="bucket does not answer; no mail is lost"):
        send(database, mailbox, fail_without_bucket)
    assert set(states(database).values()) == {"queued"}
    assert mailbox.accepted == []


def test_only_the_given_occurrence_is_sent(database, mailbox, queued, occurrence):
    other = occurrence(day=2)
    outbox.queue(database, other, [(ANN, "to")])
    (row,) = send(database, mailbox, occurrence_id=other)
    assert row.occurrence_id == other
    assert len(mailbox.accepted) == 1


def test_two_workers_send_each_mail_once(database, database_url, mailbox, occurrence):
    recipients = [f"user{n}@example.com" for n in range(50)]
    outbox.queue(database, occurrence(), [(recipient, "bcc") for recipient in recipients])
    database.commit()

    both_connected = Barrier(2)

    def work(_):
        with connect(database_url) as connection:
            both_connected.wait(60)
            return len(send(connection, mailbox))

    with ThreadPoolExecutor() as pool:
        shares = list(pool.map(work, range(2)))
    assert mailbox.recipients() == sorted(recipients)
    assert set(states(database).values()) == {"sent"}
    assert sum(shares) == 50
    assert all(shares), "both workers sent mails"


@pytest.mark.parametrize(
    ("step", "state", "next_state", "copies"),
    [
        ("building", "queued", "sent", 1),
        ("at_rcpt", "sending", "unknown", 0),
        ("at_data", "sending", "unknown", 0),
        ("after_body", "sending", "unknown", 1),
        ("replied", "sending", "unknown", 1),
    ],
)
def test_a_killed_worker_leaves_the_correct_state(
    database, database_url, mailbox, occurrence, step, state, next_state, copies
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
    assert states(database) == {ANN: state}
    if hasattr(mailbox, step):
        setattr(mailbox, step, {})
    assert send(database, mailbox) == [], "the lease is still valid"
    let_time_pass(database)
    assert [row.state for row in send(database, mailbox)] == [next_state]
    let_time_pass(database)
    assert send(database, mailbox) == []
    assert mailbox.recipients() == [ANN] * copies


@pytest.mark.parametrize("seed", range(3))
def test_random_faults_send_no_mail_twice(database, database_url, mailbox, occurrence, seed):
    """Two workers meet random faults for half of the recipients. Then the faults end."""
    random_source = random.Random(seed)
    recipients = [f"user{n}@example.com" for n in range(30)]
    outbox.queue(database, occurrence(), [(recipient, "to") for recipient in recipients])
    database.commit()
    for recipient in random_source.sample(recipients, 15):
        step = getattr(mailbox, random_source.choice(["at_rcpt", "at_data", "at_body", "after_body"]))
        step[recipient] = random_source.choice(["450 later", "421 closing", "550 never", "drop", "drop"])
    mailbox.after_body[recipients[0]] = "hang"

    def work(_):
        with connect(database_url) as connection:
            send(connection, mailbox, reply_timeout=1)

    for _ in range(2):
        with ThreadPoolExecutor() as pool:
            list(pool.map(work, range(2)))
        for faults in (mailbox.at_rcpt, mailbox.at_data, mailbox.at_body, mailbox.after_body):
            faults.clear()
        let_time_pass(database)
    copies, record = Counter(mailbox.recipients()), states(database)
    assert set(record) == set(recipients)
    assert max(copies.values()) == 1
    assert {name for name in recipients if record[name] == "sent"} <= set(copies)
    assert {record[name] for name in copies} <= {"sent", "unknown"}
    assert {record[name] for name in set(recipients) - set(copies)} <= {"failed", "unknown"}
