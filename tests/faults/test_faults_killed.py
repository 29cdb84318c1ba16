"""One fault at each step of a delivery: SIGKILL for the worker, or a restart of its servers.

Nobody gets two mails, the record is correct, and each occurrence has one snapshot.
"""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from fault_scenario import WorkerOrder

MOMENTS = (datetime(2021, 1, 1, 7, tzinfo=UTC) + timedelta(days=day) for day in count())
BEFORE_THE_MAIL = [("report", "before"), ("put", "before"), ("put", "after"), ("record", "before")]
BEFORE_THE_MAIL += [("record", "after"), ("check", "before"), ("queue", "after"), ("claim", "after")]


@pytest.fixture
def order():
    """Return the order of a new delivery."""
    moment = next(MOMENTS)
    return WorkerOrder(moment.isoformat(), [f"{moment:%Y%m%d}@killed.example.com"])


def with_stop(order, step, when, how):
    return WorkerOrder(order.moment, order.recipients, (step, when, 1, how))


def outcome(scenario, order):
    """Finish a delivery. Return the state of its mail, and the number of copies and snapshots."""
    (recipient,) = order.recipients
    state = scenario.finish(order)[recipient]
    ((snapshots,),) = scenario.execute(
        "select count(*) from dynamics.occurrences join dynamics.snapshots using (snapshot_id) where scheduled_at = %s",
        order.moment,
    )
    return state, scenario.mailbox.recipients().count(recipient), snapshots


@pytest.mark.parametrize(("step", "when"), BEFORE_THE_MAIL)
def test_killed_before_sending_the_next_attempt_sends_it(scenario, order, step, when):
    assert scenario.run(with_stop(order, step, when, "kill")) == "signal 9"
    assert outcome(scenario, order) == ("sent", 1, 1)


@pytest.mark.parametrize(("step", "when", "copies"), [("sending", "after", 0), ("send", "before", 0)])
def test_killed_before_data_it_is_unknown_and_not_sent(scenario, order, step, when, copies):
    assert scenario.run(with_stop(order, step, when, "kill")) == "signal 9"
    assert outcome(scenario, order) == ("unknown", copies, 1)


@pytest.mark.parametrize(
    ("smtp_step", "copies"), [("at_rcpt", 0), ("at_data", 0), ("at_body", 0), ("after_body", 1)]
)
def test_killed_while_the_server_answers_it_is_unknown(scenario, order, smtp_step, copies):
    """After the body, the server has accepted the mail, but the worker gets no answer."""
    scenario.mailbox.clear_faults()
    getattr(scenario.mailbox, smtp_step)[order.recipients[0]] = "kill"
    assert scenario.run(order) == "signal 9"
    assert outcome(scenario, order) == ("unknown", copies, 1)


@pytest.mark.parametrize(("step", "when"), [("send", "after"), ("settle", "before")])
def test_killed_before_the_result_is_committed_it_is_unknown(scenario, order, step, when):
    assert scenario.run(with_stop(order, step, when, "kill")) == "signal 9"
    assert outcome(scenario, order) == ("unknown", 1, 1)


def test_killed_after_the_result_is_committed_it_is_sent(scenario, order):
    assert scenario.run(with_stop(order, "settle", "after", "kill")) == "signal 9"
    assert outcome(scenario, order) == ("sent", 1, 1)


@pytest.mark.parametrize(
    ("step", "when", "state", "copies"),
    [
        ("report", "before", "sent", 1),
        ("put", "after", "sent", 1),
        ("check", "before", "sent", 1),
        ("claim", "after", "sent", 1),
        ("send", "before", "unknown", 1),
        ("settle", "before", "unknown", 1),
    ],
)
def test_postgres_and_s3_restart_during_a_delivery(services, scenario, order, step, when, state, copies):
    scenario.mailbox.clear_faults()
    scenario.run(
        with_stop(order, step, when, "pause"),
        while_paused=lambda: (services.restart(), scenario.reconnect()),
    )
    assert outcome(scenario, order) == (state, copies, 1)


def test_without_the_bucket_nothing_is_sent_or_lost(services, scenario, order):
    scenario.mailbox.clear_faults()
    with services.without_bucket():
        assert scenario.run(order) == "exit 1"
    assert outcome(scenario, order) == ("sent", 1, 1)


def test_a_worker_whose_lease_ended_sends_no_second_copy(scenario, order):
    """A worker pauses after it has claimed the mail, and another worker sends it."""
    scenario.mailbox.clear_faults()
    scenario.run(
        with_stop(order, "sending", "before", "pause"),
        while_paused=lambda: (scenario.let_time_pass(order.moment), scenario.run(order)),
    )
    assert outcome(scenario, order) == ("sent", 1, 1)


def test_a_late_result_settles_an_unknown_mail(scenario, order):
    scenario.mailbox.clear_faults()
    scenario.run(
        with_stop(order, "settle", "before", "pause"),
        while_paused=lambda: (scenario.let_time_pass(order.moment), scenario.run(order)),
    )
    assert outcome(scenario, order) == ("sent", 1, 1)
