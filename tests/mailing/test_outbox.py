"""The record of what was sent to whom, and who may send it next."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.mailing.delivery import deliveries, delivery
from orchestration.mailing.transport import Outcome, Result

ANN, BOB = "ann@example.com", "bob@example.com"
NO_TIME = timedelta(microseconds=-1)
"""A lease that has expired when it is given."""

SENT = Outcome(Result.SENT, "250 ok")
LATER = Outcome(Result.TRY_LATER, "451 greylisted")
REFUSED = Outcome(Result.REFUSED, "550 no such user")
UNKNOWN = Outcome(Result.UNKNOWN, "no reply to the mail")


@pytest.fixture
def queued(database, occurrence):
    """One mail in the outbox, to Ann."""
    number = occurrence()
    outbox.queue(database, number, [(ANN, "to")])
    database.commit()
    return number


def make_due(database):
    database.execute("update dynamics.deliveries set not_before = now()")
    database.commit()


def sending(database, **lease):
    return outbox.mark_sending(database, outbox.claim(database), "<1@example.com>", **lease)


def state(database, number):
    return delivery(database, number).state


def test_queueing_twice_adds_each_recipient_once(database, occurrence):
    number = occurrence()
    asked = [(ANN, "to"), (BOB, "cc"), ("Ann@Example.com", "cc"), (BOB, "bcc")]
    assert outbox.queue(database, number, asked) == 2
    assert outbox.queue(database, number, [*asked, ("eve@example.com", "bcc")]) == 1
    assert outbox.queue(database, number, []) == 0
    assert [(row.recipient, row.header) for row in reversed(deliveries(database))] == [
        (ANN, "to"),
        (BOB, "cc"),
        ("eve@example.com", "bcc"),
    ]


def test_queueing_is_undone_with_the_occurrence(database, occurrence):
    outbox.queue(database, occurrence(), [(ANN, "to")])
    database.rollback()
    assert deliveries(database) == []


def test_a_mail_goes_its_way_and_the_row_tells_it(database, queued):
    claimed = outbox.claim(database)
    assert (claimed.state, claimed.attempts, claimed.recipient, claimed.saved_query, claimed.snapshot_id) == (
        "queued",
        1,
        ANN,
        "monthly",
        "monthly-1",
    )
    assert claimed.scheduled_at == datetime(2018, 12, 1, 7, tzinfo=UTC)
    going = outbox.mark_sending(database, claimed, "<1@example.com>")
    assert (going.state, going.message_id, going.sending_at is None) == ("sending", "<1@example.com>", False)
    done = outbox.settle(database, going, SENT)
    assert (done.state, done.reply, done.lease, done.finished_at is None) == ("sent", "250 ok", None, False)
    assert outbox.claim(database) is None


def test_sending_is_on_record_before_the_body_goes_out(database, database_url, queued):
    """Another session must see it: a commit, not only a statement."""
    from orchestration.database import connect

    sending(database)
    with connect(database_url) as other:
        (row,) = deliveries(other)
    assert (row.state, row.message_id) == ("sending", "<1@example.com>")


def test_a_claimed_mail_is_nobody_elses(database, queued):
    assert outbox.claim(database)
    assert outbox.claim(database) is None


def test_only_the_occurrence_asked_for_is_claimed(database, occurrence):
    first, second = occurrence(day=1), occurrence(day=2)
    for number in (first, second):
        outbox.queue(database, number, [(ANN, "to")])
    assert outbox.claim(database, occurrence_id=second).occurrence_id == second
    assert outbox.claim(database, occurrence_id=second) is None


def test_a_queued_mail_whose_worker_died_is_claimed_again(database, queued):
    first = outbox.claim(database, lease=NO_TIME)
    assert outbox.expire(database) == []
    second = outbox.claim(database)
    assert second.attempts == 2
    assert second.lease != first.lease


def test_a_worker_that_lost_its_lease_may_not_send(database, queued):
    slow = outbox.claim(database, lease=NO_TIME)
    quick = outbox.claim(database)
    assert outbox.mark_sending(database, slow, "<slow@example.com>") is None
    assert outbox.mark_sending(database, quick, "<quick@example.com>").message_id == "<quick@example.com>"
    outbox.settle(database, slow, REFUSED)
    assert state(database, slow.delivery_id) == "sending"


def test_a_mail_whose_worker_died_while_sending_is_unknown_and_stays_so(database, queued):
    going = sending(database, lease=NO_TIME)
    (lost,) = outbox.expire(database)
    assert (lost.delivery_id, lost.state, lost.message_id) == (
        going.delivery_id,
        "unknown",
        "<1@example.com>",
    )
    assert "stopped while it sent" in lost.reply
    make_due(database)
    assert outbox.claim(database) is None
    assert outbox.expire(database) == []


def test_a_mail_that_is_being_sent_is_left_alone(database, queued):
    going = sending(database)
    assert outbox.expire(database) == []
    assert outbox.claim(database) is None
    assert state(database, going.delivery_id) == "sending"


def test_a_slow_worker_still_tells_the_truth(database, queued):
    going = sending(database, lease=NO_TIME)
    outbox.expire(database)
    assert outbox.settle(database, going, SENT).state == "sent"


def test_after_a_resend_the_slow_workers_word_is_too_late(database, queued):
    going = sending(database, lease=NO_TIME)
    outbox.expire(database)
    outbox.resend(database, going.delivery_id)
    assert outbox.settle(database, going, SENT).state == "queued"


@pytest.mark.parametrize(("outcome", "final"), [(REFUSED, "failed"), (UNKNOWN, "unknown")])
def test_an_end_is_an_end(database, queued, outcome, final):
    done = outbox.settle(database, sending(database), outcome)
    assert (done.state, done.reply) == (final, outcome.reply)
    make_due(database)
    assert outbox.claim(database) is None


def test_a_mail_to_try_later_waits(database, queued):
    again = outbox.settle(database, sending(database), LATER)
    assert (again.state, again.reply, again.finished_at, again.lease) == (
        "queued",
        "451 greylisted",
        None,
        None,
    )
    assert outbox.claim(database) is None
    make_due(database)
    assert outbox.claim(database).attempts == 2


def test_asking_for_the_occurrence_again_ends_the_wait(database, queued):
    outbox.settle(database, sending(database), LATER)
    outbox.queue(database, queued, [(ANN, "to")])
    assert outbox.claim(database).attempts == 2


def test_attempts_end(database, queued):
    for _ in range(outbox.MAX_ATTEMPTS):
        make_due(database)
        done = outbox.settle(database, sending(database), LATER)
    assert (done.state, done.attempts) == ("failed", outbox.MAX_ATTEMPTS)
    assert done.reply == "gave up after 20 attempts: 451 greylisted"


def test_a_mail_that_kills_every_worker_fails(database, queued):
    while outbox.claim(database, lease=NO_TIME):
        pass
    (lost,) = outbox.expire(database)
    assert (lost.state, lost.attempts) == ("failed", outbox.MAX_ATTEMPTS)


def test_waits_double_up_to_four_hours_and_are_spread():
    minute = timedelta(minutes=1)
    waits = [[outbox.backoff(attempts) for _ in range(200)] for attempts in range(1, outbox.MAX_ATTEMPTS + 1)]
    assert all(0.75 * minute <= wait <= 1.25 * minute for wait in waits[0])
    assert all(12 * minute <= wait <= 20 * minute for wait in waits[4])
    assert all(3 * 60 * minute <= wait <= 5 * 60 * minute for wait in waits[-1])
    assert all(len(set(some)) > 100 for some in waits)
    whole = sum((max(some) for some in waits[:-1]), timedelta())
    assert timedelta(days=2) < whole < timedelta(days=3)


@pytest.mark.parametrize("outcome", [REFUSED, UNKNOWN])
def test_on_purpose_a_mail_is_sent_again_under_the_same_message_id(database, queued, outcome):
    done = outbox.settle(database, sending(database), outcome)
    again = outbox.resend(database, done.delivery_id)
    assert (again.state, again.attempts, again.message_id, again.finished_at) == (
        "queued",
        0,
        "<1@example.com>",
        None,
    )
    assert outbox.claim(database).delivery_id == done.delivery_id


def test_a_mail_that_waits_can_be_sent_now(database, queued):
    waiting = outbox.settle(database, sending(database), LATER)
    outbox.resend(database, waiting.delivery_id)
    assert outbox.claim(database).attempts == 1


def test_a_second_copy_needs_force_and_is_another_mail(database, queued):
    done = outbox.settle(database, sending(database), SENT)
    with pytest.raises(RequestError, match="--force"):
        outbox.resend(database, done.delivery_id)
    assert state(database, done.delivery_id) == "sent"
    assert outbox.resend(database, done.delivery_id, force=True).message_id is None


def test_what_is_being_sent_cannot_be_sent_again(database, queued):
    going = sending(database)
    with pytest.raises(RequestError, match="being sent"):
        outbox.resend(database, going.delivery_id, force=True)


def test_there_is_no_delivery_of_that_number(database):
    with pytest.raises(RequestError, match="dynamics deliveries list"):
        outbox.resend(database, 4711)


def test_the_record_is_listed_newest_first_and_filtered(database, occurrence):
    for saved_query, day in [("monthly", 1), ("daily", 1), ("daily", 2)]:
        outbox.queue(database, occurrence(saved_query, day), [(ANN, "to"), (BOB, "cc")])
    outbox.settle(database, sending(database), SENT)
    long_ago, soon = datetime(2018, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    everything = deliveries(database)
    assert [(row.saved_query, row.scheduled_at.day, row.recipient) for row in everything] == [
        ("daily", 2, BOB),
        ("daily", 2, ANN),
        ("daily", 1, BOB),
        ("daily", 1, ANN),
        ("monthly", 1, BOB),
        ("monthly", 1, ANN),
    ]
    assert deliveries(database, since=long_ago, until=soon) == everything
    assert deliveries(database, since=soon) == deliveries(database, until=long_ago) == []
    assert deliveries(database, limit=2) == everything[:2]
    assert deliveries(database, saved_query="monthly") == everything[4:]
    assert deliveries(database, recipient="BOB@example.com") == everything[::2]
    assert deliveries(database, state="sent") == [everything[-1]]
    assert deliveries(database, occurrence_id=everything[0].occurrence_id) == everything[:2]
    assert deliveries(database, saved_query="x' or true --") == []
