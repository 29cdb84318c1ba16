"""What fails for good is told once, to those who can repair it, with the command that does."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from mail_servers import Server

from orchestration.deliveries.failures import Failure, record, tell
from orchestration.deliveries.occurrences import delivery_occurrence
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.failed_runs import failures_of, report
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, SCHEDULE
from orchestration.scheduling.upkeep import is_needed, keep_up

MOMENT = datetime(2026, 3, 1, 7, tzinfo=UTC)
KEY = "2026-03-01T07:00+0000"
SAVED = SavedQuery.model_validate(
    {
        "name": "daily",
        "title": "Daily <numbers>",
        "query": {"interval": "yesterday"},
        "delivery": {
            "schedule": "0 7 1 * *",
            "timezone": "Europe/Kyiv",
            "send_to": ["a@example.com"],
            "bcc": ["b@example.com"],
            "on_failure": ["boss@example.com", "data@example.com"],
        },
    }
)
OTHER = SAVED.model_copy(update={"name": "other", "title": "Other"})


@pytest.fixture(scope="module")
def server():
    server = Server()
    server.start()
    yield server.mailbox
    server.stop()


@pytest.fixture
def box(server, home, database_url, environment):
    """The mailbox of a ledger that nobody else uses."""
    server.taken.clear()
    server.no_faults()
    environment(home=home, database_url=database_url, smtp_url=server.url)
    return server


def texts(box):
    """Recipient and plain text of each mail that came."""
    return sorted((to, body_of(envelope)) for to, envelope in box.taken)


def body_of(envelope):
    from email import message_from_bytes, policy

    return message_from_bytes(envelope.content, policy=policy.default).get_body(("plain",)).get_content()


@pytest.fixture
def ended(database):
    """A mail of an occurrence that ended two minutes ago."""

    def ended(recipient, state, reply, attempts=1, saved_query="daily"):
        occurrence = delivery_occurrence(database, saved_query, MOMENT, "schedule")
        (number,) = database.execute(
            "insert into dynamics.deliveries (occurrence_id, recipient, header, state, reply, attempts, finished_at)"
            " values (%s, %s, 'to', %s, %s, %s, now() - interval '2 minutes') returning delivery_id",
            [occurrence.occurrence_id, recipient, state, reply, attempts],
        ).fetchone()
        database.commit()
        return number

    return ended


def test_the_mails_of_an_occurrence_that_were_lost_are_told_in_one_mail(box, database, ended):
    refused = ended("a@example.com", "failed", "550 no such user")
    lost = ended("b@example.com", "unknown", "no answer came after the text")
    ended("c@example.com", "sent", "250 ok")
    assert is_needed(database)
    assert keep_up([SAVED]) == []
    assert box.recipients() == ["boss@example.com", "data@example.com"]
    (_, text), _ = texts(box)
    assert "Daily <numbers> (daily), 2026-03-01 09:00 Europe/Kyiv" in text
    assert "a@example.com failed: 550 no such user" in text
    assert f"dynamics deliveries resend {refused}" in text
    assert "b@example.com may have it or not (no answer came after the text). Ask there first" in text
    assert f"dynamics deliveries resend {lost}" in text
    assert "c@example.com" not in text
    assert not is_needed(database)
    keep_up([SAVED])
    assert len(box.taken) == 2


def test_a_mail_that_is_sent_again_and_fails_again_is_told_again(box, database, ended):
    number = ended("a@example.com", "failed", "550 no such user")
    keep_up([SAVED])
    database.execute(
        "update dynamics.deliveries set finished_at = now() - interval '90 seconds' where delivery_id = %s",
        [number],
    )
    database.commit()
    keep_up([SAVED])
    assert len(box.taken) == 2 * 2


def test_a_report_whose_data_never_came_is_repaired_by_delivering_it(box, ended):
    ended("a@example.com", "failed", "the data was not ready in time", attempts=0)
    keep_up([SAVED])
    assert "dynamics deliver daily --at 2026-03-01T07:00:00Z" in texts(box)[0][1]


def test_an_owner_without_an_address_is_told(box, database, ended):
    ended("nobody", "skipped", "no address for owner 'North' (7): add it to delivery.owners", attempts=0)
    assert is_needed(database)
    keep_up([SAVED])
    assert "no address for owner 'North' (7): add it to delivery.owners" in texts(box)[0][1]


def test_what_fails_while_the_mail_server_is_away_is_told_later(box, database, environment, home, ended):
    ended("a@example.com", "failed", "550 no such user")
    environment(smtp_url="smtp://127.0.0.1:9?starttls=none")
    keep_up([SAVED])
    assert is_needed(database)
    environment(smtp_url=box.url)
    keep_up([SAVED])
    assert box.recipients() == ["boss@example.com", "data@example.com"]
    assert not is_needed(database)


def test_who_is_put_off_is_told_later_and_who_was_told_is_not_told_again(box, database):
    box.at_rcpt["data@example.com"] = "451 greylisted, try later"
    failure = Failure("x", ("boss@example.com", "data@example.com"), "Subject", "Text")
    record(database, failure)
    record(database, failure)
    database.commit()
    assert tell(database) == 0
    box.no_faults()
    assert tell(database) == 1
    assert box.recipients() == ["boss@example.com", "data@example.com"]
    assert tell(database) == 0


def test_a_failure_that_nobody_is_to_be_told_of_is_recorded_all_the_same(box, database):
    report([Failure("x", (), "Subject", "Text", "daily", MOMENT)])
    assert not is_needed(database)
    assert database.execute("select scheduled_at from dynamics.failures").fetchall() == [(MOMENT,)]
    assert box.taken == []


def test_while_the_database_is_away_failures_are_told_without_it(box, environment):
    environment(database_url="postgresql://nobody@127.0.0.1:9/none")
    report([Failure("x", ("boss@example.com",), "Subject", "Text")])
    assert box.recipients() == ["boss@example.com"]


def dead_run(attempt, *keys):
    """A run that ended without any of its steps having failed."""
    return dg.DagsterRun(
        job_name="__anonymous",
        tags={SCHEDULE: "due", ATTEMPT: str(attempt), "dagster/partition": KEY},
        asset_selection=frozenset(map(dg.AssetKey, keys)),
    )


def test_a_run_that_died_is_repeated_in_silence_until_it_was_the_last():
    keys = (["snapshots", "daily"], ["deliveries", "daily"])
    assert list(failures_of(dead_run(1, *keys), [], [SAVED, OTHER])) == []
    (failure,) = failures_of(dead_run(MAX_ATTEMPTS, *keys), [], [SAVED, OTHER])
    assert failure.saved_query == "daily"
    assert "its process died" in failure.body


def test_a_build_that_fails_is_told_to_all_who_are_told_of_reports():
    third = OTHER.model_copy(
        update={"delivery": OTHER.delivery.model_copy(update={"on_failure": ("c@example.com",)})}
    )
    run = dead_run(1, ["fct_clients"])
    (failure,) = failures_of(run, [], [SAVED, OTHER, third])
    assert failure.addresses == ("boss@example.com", "data@example.com", "c@example.com")
    assert failure.failure == f"run {run.run_id}"
    assert "dynamics build" in failure.body
