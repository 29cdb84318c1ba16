"""The outbox: the states of a mail, and which worker may send it."""

import re
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.mailing.mail_record import find_mail_records, load_mail_record
from orchestration.mailing.terms import MAIL_STATES, Header, Purpose
from orchestration.mailing.transport import Outcome, Result

ANN, BOB = "ann@example.com", "bob@example.com"
NO_TIME = timedelta(microseconds=-1)
"""A lease that is expired from the start."""

SENT = Outcome(Result.SENT, "250 ok")
LATER = Outcome(Result.TRY_LATER, "451 greylisted")
REFUSED = Outcome(Result.REFUSED, "550 no such user")
UNKNOWN = Outcome(Result.UNKNOWN, "no reply to the mail")


@pytest.fixture
def queued(database, occurrence):
    """Queue one mail to Ann, and return its occurrence."""
    number = occurrence()
    outbox.queue(database, number, [(ANN, "to")])
    database.commit()
    return number


def make_due(database):
    database.execute("update dynamics.deliveries set not_before = now()")
    database.commit()


def start_sending(database, **lease):
    return outbox.mark_sending(database, outbox.claim(database), "<1@example.com>", **lease)


def state(database, number):
    return load_mail_record(database, number).state


def test_queueing_twice_adds_each_recipient_once(database, occurrence):
    number = occurrence()
    recipients: list[tuple[str, Header]] = [
        (ANN, "to"),
        (BOB, "cc"),
        ("Ann@Example.com", "cc"),
        (BOB, "bcc"),
    ]
    assert outbox.queue(database, number, recipients) == 2
    assert outbox.queue(database, number, [*recipients, ("eve@example.com", "bcc")]) == 1
    assert outbox.queue(database, number, []) == 0
    assert [(row.recipient, row.header) for row in reversed(find_mail_records(database))] == [
        (ANN, "to"),
        (BOB, "cc"),
        ("eve@example.com", "bcc"),
    ]


def test_a_rollback_removes_the_queued_mails(database, occurrence):
    outbox.queue(database, occurrence(), [(ANN, "to")])
    database.rollback()
    assert find_mail_records(database) == []


def test_the_record_follows_the_mail(database, queued):
    claimed = outbox.claim(database)
    assert (claimed.state, claimed.attempts, claimed.recipient, claimed.saved_query, claimed.snapshot_id) == (
        "queued",
        1,
        ANN,
        "monthly",
        "monthly-1",
    )
    assert claimed.scheduled_at == datetime(2018, 12, 1, 7, tzinfo=UTC)
    sending = outbox.mark_sending(database, claimed, "<1@example.com>")
    assert (sending.state, sending.message_id, sending.sending_at is None) == (
        "sending",
        "<1@example.com>",
        False,
    )
    done = outbox.settle(database, sending, SENT)
    assert (done.state, done.reply, done.lease, done.finished_at is None) == ("sent", "250 ok", None, False)
    assert outbox.claim(database) is None


def test_sending_is_committed_before_the_body(database, database_url, queued):
    """Another connection sees it, so it is committed."""
    from orchestration.db.database import connect

    start_sending(database)
    with connect(database_url) as other:
        (row,) = find_mail_records(other)
    assert (row.state, row.message_id) == ("sending", "<1@example.com>")


def test_a_claimed_mail_is_not_claimed_again(database, queued):
    assert outbox.claim(database)
    assert outbox.claim(database) is None


def test_only_the_given_occurrence_is_claimed(database, occurrence):
    first, second = occurrence(day=1), occurrence(day=2)
    for number in (first, second):
        outbox.queue(database, number, [(ANN, "to")])
    assert outbox.claim(database, occurrence_id=second).occurrence_id == second
    assert outbox.claim(database, occurrence_id=second) is None


def test_a_queued_mail_of_a_dead_worker_is_claimed_again(database, queued):
    first = outbox.claim(database, lease=NO_TIME)
    assert outbox.expire_leases(database) == []
    second = outbox.claim(database)
    assert second.attempts == 2
    assert second.lease != first.lease


def test_a_worker_without_a_lease_may_not_send(database, queued):
    slow = outbox.claim(database, lease=NO_TIME)
    quick = outbox.claim(database)
    assert outbox.mark_sending(database, slow, "<slow@example.com>") is None
    assert outbox.mark_sending(database, quick, "<quick@example.com>").message_id == "<quick@example.com>"
    outbox.settle(database, slow, REFUSED)
    assert state(database, slow.delivery_id) == "sending"


def test_a_mail_of_a_worker_that_died_sending_is_unknown(database, queued):
    sending = start_sending(database, lease=NO_TIME)
    (lost,) = outbox.expire_leases(database)
    assert (lost.delivery_id, lost.state, lost.message_id) == (
        sending.delivery_id,
        "unknown",
        "<1@example.com>",
    )
    assert "stopped while it sent" in lost.reply
    make_due(database)
    assert outbox.claim(database) is None
    assert outbox.expire_leases(database) == []


def test_a_mail_that_is_being_sent_does_not_expire(database, queued):
    sending = start_sending(database)
    assert outbox.expire_leases(database) == []
    assert outbox.claim(database) is None
    assert state(database, sending.delivery_id) == "sending"


def test_a_slow_worker_settles_an_unknown_mail(database, queued):
    sending = start_sending(database, lease=NO_TIME)
    outbox.expire_leases(database)
    assert outbox.settle(database, sending, SENT).state == "sent"


def test_after_a_resend_a_slow_worker_is_too_late(database, queued):
    sending = start_sending(database, lease=NO_TIME)
    outbox.expire_leases(database)
    outbox.resend(database, sending.delivery_id)
    assert outbox.settle(database, sending, SENT).state == "queued"


@pytest.mark.parametrize(("outcome", "final"), [(REFUSED, "failed"), (UNKNOWN, "unknown")])
def test_a_settled_mail_is_final(database, queued, outcome, final):
    done = outbox.settle(database, start_sending(database), outcome)
    assert (done.state, done.reply) == (final, outcome.reply)
    make_due(database)
    assert outbox.claim(database) is None


def test_a_mail_to_try_later_waits(database, queued):
    again = outbox.settle(database, start_sending(database), LATER)
    assert (again.state, again.reply, again.finished_at, again.lease) == (
        "queued",
        "451 greylisted",
        None,
        None,
    )
    assert outbox.claim(database) is None
    make_due(database)
    assert outbox.claim(database).attempts == 2


def test_queueing_again_ends_the_wait(database, queued):
    outbox.settle(database, start_sending(database), LATER)
    outbox.queue(database, queued, [(ANN, "to")])
    assert outbox.claim(database).attempts == 2


def test_attempts_are_limited(database, queued):
    for _ in range(outbox.MAX_ATTEMPTS):
        make_due(database)
        done = outbox.settle(database, start_sending(database), LATER)
    assert (done.state, done.attempts) == ("failed", outbox.MAX_ATTEMPTS)
    assert done.reply == "gave up after 20 attempts: 451 greylisted"


def test_a_mail_that_kills_every_worker_fails(database, queued):
    while outbox.claim(database, lease=NO_TIME):
        pass
    (lost,) = outbox.expire_leases(database)
    assert (lost.state, lost.attempts) == ("failed", outbox.MAX_ATTEMPTS)


def test_delays_double_up_to_four_hours():
    minute = timedelta(minutes=1)
    waits = [
        [outbox.retry_delay(attempts) for _ in range(200)] for attempts in range(1, outbox.MAX_ATTEMPTS + 1)
    ]
    assert all(0.75 * minute <= wait <= 1.25 * minute for wait in waits[0])
    assert all(12 * minute <= wait <= 20 * minute for wait in waits[4])
    assert all(3 * 60 * minute <= wait <= 5 * 60 * minute for wait in waits[-1])
    assert all(len(set(delays)) > 100 for delays in waits)
    total = sum((max(delays) for delays in waits[:-1]), timedelta())
    assert timedelta(days=2) < total < timedelta(days=3)


@pytest.mark.parametrize("outcome", [REFUSED, UNKNOWN])
def test_a_resend_keeps_the_message_id(database, queued, outcome):
    done = outbox.settle(database, start_sending(database), outcome)
    again = outbox.resend(database, done.delivery_id)
    assert (again.state, again.attempts, again.message_id, again.finished_at) == (
        "queued",
        0,
        "<1@example.com>",
        None,
    )
    assert outbox.claim(database).delivery_id == done.delivery_id


def test_a_resend_ends_the_wait(database, queued):
    waiting = outbox.settle(database, start_sending(database), LATER)
    outbox.resend(database, waiting.delivery_id)
    assert outbox.claim(database).attempts == 1


def test_a_second_copy_needs_force(database, queued):
    done = outbox.settle(database, start_sending(database), SENT)
    with pytest.raises(RequestError, match="--force"):
        outbox.resend(database, done.delivery_id)
    assert state(database, done.delivery_id) == "sent"
    assert outbox.resend(database, done.delivery_id, force=True).message_id is None


def test_a_mail_that_is_being_sent_cannot_be_resent(database, queued):
    sending = start_sending(database)
    with pytest.raises(RequestError, match="being sent"):
        outbox.resend(database, sending.delivery_id, force=True)


def test_an_unknown_delivery_cannot_be_resent(database):
    with pytest.raises(RequestError, match="dynamics deliveries list"):
        outbox.resend(database, 4711)


def test_mail_records_are_filtered_newest_first(database, occurrence):
    for saved_query, day in [("monthly", 1), ("daily", 1), ("daily", 2)]:
        outbox.queue(database, occurrence(saved_query, day), [(ANN, "to"), (BOB, "cc")])
    outbox.settle(database, start_sending(database), SENT)
    past, future = datetime(2018, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    records = find_mail_records(database)
    assert [(row.saved_query, row.scheduled_at.day, row.recipient) for row in records] == [
        ("daily", 2, BOB),
        ("daily", 2, ANN),
        ("daily", 1, BOB),
        ("daily", 1, ANN),
        ("monthly", 1, BOB),
        ("monthly", 1, ANN),
    ]
    assert find_mail_records(database, since=past, until=future) == records
    assert find_mail_records(database, since=future) == find_mail_records(database, until=past) == []
    assert find_mail_records(database, limit=2) == records[:2]
    assert find_mail_records(database, saved_query="monthly") == records[4:]
    assert find_mail_records(database, recipient="BOB@example.com") == records[::2]
    assert find_mail_records(database, state="sent") == [records[-1]]
    assert find_mail_records(database, occurrence_id=records[0].occurrence_id) == records[:2]
    assert find_mail_records(database, saved_query="x' or true --") == []


def test_the_database_allows_exactly_these_terms(database):
    constraints = database.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where contype = 'c'"
        " and conrelid in ('dynamics.deliveries'::regclass, 'dynamics.occurrences'::regclass)"
    )
    allowed = [set(re.findall(r"'(\w+)'::text", definition)) for (definition,) in constraints]
    for terms in (MAIL_STATES, get_args(Header), get_args(Purpose)):
        assert set(terms) in allowed
