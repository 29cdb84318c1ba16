"""One fault at a time, at each step of a delivery: SIGKILL for a worker's process, a restart for its servers.

Nobody gets two mails, the record says what is known, and each occurrence has one snapshot.
"""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from scene import Order

MOMENTS = (datetime(2021, 1, 1, 7, tzinfo=UTC) + timedelta(days=day) for day in count())
BEFORE_THE_MAIL = [("report", "before"), ("put", "before"), ("put", "after"), ("record", "before")]
BEFORE_THE_MAIL += [("record", "after"), ("check", "before"), ("queue", "after"), ("claim", "after")]


@pytest.fixture
def order():
    """A delivery that nobody has begun."""
    moment = next(MOMENTS)
    return Order(moment.isoformat(), [f"{moment:%Y%m%d}@killed.example.com"])


def stopped(order, step, when, how):
    return Order(order.moment, order.recipients, (step, when, 1, how))


def outcome(lane, order):
    """The state of the one recipient in the end, how many mails came, how many snapshots are in the index."""
    (recipient,) = order.recipients
    state = lane.finish(order)[recipient]
    ((snapshots,),) = lane.execute(
        "select count(*) from dynamics.occurrences join dynamics.snapshots using (snapshot_id) where scheduled_at = %s",
        order.moment,
    )
    return state, lane.mailbox.recipients().count(recipient), snapshots


@pytest.mark.parametrize(("step", "when"), BEFORE_THE_MAIL)
def test_killed_before_the_mail_is_begun_it_is_sent_by_the_next_attempt(lane, order, step, when):
    assert lane.run(stopped(order, step, when, "kill")) == "signal 9"
    assert outcome(lane, order) == ("sent", 1, 1)


@pytest.mark.parametrize(("step", "when", "copies"), [("sending", "after", 0), ("send", "before", 0)])
def test_killed_before_data_it_is_unknown_and_not_sent(lane, order, step, when, copies):
    assert lane.run(stopped(order, step, when, "kill")) == "signal 9"
    assert outcome(lane, order) == ("unknown", copies, 1)


@pytest.mark.parametrize(
    ("place", "copies"), [("at_rcpt", 0), ("at_data", 0), ("at_body", 0), ("after_body", 1)]
)
def test_killed_while_the_mail_server_has_the_word_it_is_unknown(lane, order, place, copies):
    """After the body the server has the mail in the box and withholds its answer."""
    lane.mailbox.no_faults()
    getattr(lane.mailbox, place)[order.recipients[0]] = "kill"
    assert lane.run(order) == "signal 9"
    assert outcome(lane, order) == ("unknown", copies, 1)


@pytest.mark.parametrize(("step", "when"), [("send", "after"), ("settle", "before")])
def test_killed_before_the_result_is_committed_it_is_unknown_and_came(lane, order, step, when):
    assert lane.run(stopped(order, step, when, "kill")) == "signal 9"
    assert outcome(lane, order) == ("unknown", 1, 1)


def test_killed_after_the_result_is_committed_it_is_sent(lane, order):
    assert lane.run(stopped(order, "settle", "after", "kill")) == "signal 9"
    assert outcome(lane, order) == ("sent", 1, 1)


@pytest.mark.parametrize(
    ("step", "when", "then", "copies"),
    [
        ("report", "before", "sent", 1),
        ("put", "after", "sent", 1),
        ("check", "before", "sent", 1),
        ("claim", "after", "sent", 1),
        ("send", "before", "unknown", 1),
        ("settle", "before", "unknown", 1),
    ],
)
def test_postgres_and_s3_are_restarted_under_a_worker(plant, lane, order, step, when, then, copies):
    lane.mailbox.no_faults()
    lane.run(stopped(order, step, when, "pause"), meanwhile=lambda: (plant.restart(), lane.reconnect()))
    assert outcome(lane, order) == (then, copies, 1)


def test_without_the_bucket_nothing_is_sent_and_nothing_is_lost(plant, lane, order):
    lane.mailbox.no_faults()
    with plant.without_bucket():
        assert lane.run(order) == "exit 1"
    assert outcome(lane, order) == ("sent", 1, 1)


def test_who_comes_back_after_its_lease_has_ended_sends_no_second_copy(lane, order):
    """A worker sleeps with the mail claimed; another one sends it."""
    lane.mailbox.no_faults()
    lane.run(
        stopped(order, "sending", "before", "pause"),
        meanwhile=lambda: (lane.time_passes(order.moment), lane.run(order)),
    )
    assert outcome(lane, order) == ("sent", 1, 1)


def test_who_comes_back_with_the_result_settles_what_was_unknown(lane, order):
    lane.mailbox.no_faults()
    lane.run(
        stopped(order, "settle", "before", "pause"),
        meanwhile=lambda: (lane.time_passes(order.moment), lane.run(order)),
    )
    assert outcome(lane, order) == ("sent", 1, 1)
