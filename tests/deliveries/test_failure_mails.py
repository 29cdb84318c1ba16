"""Failure mails: each permanent failure is mailed once, with the command that repairs it."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import dagster as dg
import pytest
from mail_servers import MailServer

from orchestration.deliveries.failure_log import Failure, record_failure, send_failure_mails
from orchestration.deliveries.occurrences import reserve_occurrence
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.failure_sensor import find_failures, report_failures
from orchestration.scheduling.maintenance import is_upkeep_needed, run_upkeep
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, SCHEDULE

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
    server = MailServer()
    server.start()
    yield server.mailbox
    server.stop()


@pytest.fixture
def mailbox(server, home, database_url, change_settings):
    """Return the mailbox of a mail server, and use a new database."""
    server.accepted.clear()
    server.clear_faults()
    change_settings(home=home, database_url=database_url, smtp_url=server.url)
    return server


def texts(mailbox):
    """Return recipient and plain text of each mail, sorted."""
    return sorted((to, body_of(envelope)) for to, envelope in mailbox.accepted)


def body_of(envelope):
    return message_from_bytes(envelope.content, policy=policy.default).get_body(("plain",)).get_content()


@pytest.fixture
def add_ended_mail(database):
    """Return a function that records a mail that ended two minutes ago."""

    def add_ended_mail(recipient, state, reply, attempts=1, saved_query="daily"):
        occurrence = reserve_occurrence(database, saved_query, MOMENT, "schedule")
        (number,) = database.execute(
            "insert into dynamics.deliveries (occurrence_id, recipient, header, state, reply, attempts, finished_at)"
            " values (%s, %s, 'to', %s, %s, %s, now() - interval '2 minutes') returning delivery_id",
            [occurrence.occurrence_id, recipient, state, reply, attempts],
        ).fetchone()
        database.commit()
        return number

    return add_ended_mail


def test_lost_mails_of_an_occurrence_give_one_failure_mail(mailbox, database, add_ended_mail):
    refused = add_ended_mail("a@example.com", "failed", "550 no such user")
    lost = add_ended_mail("b@example.com", "unknown", "no answer came after the text")
    add_ended_mail("c@example.com", "sent", "250 ok")
    assert is_upkeep_needed(database)
    assert run_upkeep([SAVED]) == []
    assert mailbox.recipients() == ["boss@example.com", "data@example.com"]
    (_, text), _ = texts(mailbox)
    assert "Daily <numbers> (daily), 2026-03-01 09:00 Europe/Kyiv" in text
    assert "a@example.com failed: 550 no such user" in text
    assert f"dynamics deliveries resend {refused}" in text
    assert (
        "b@example.com may have received it (no answer came after the text). Ask the recipient first" in text
    )
    assert f"dynamics deliveries resend {lost}" in text
    assert "c@example.com" not in text
    assert not is_upkeep_needed(database)
    run_upkeep([SAVED])
    assert len(mailbox.accepted) == 2


def test_a_second_failure_is_mailed_again(mailbox, database, add_ended_mail):
    number = add_ended_mail("a@example.com", "failed", "550 no such user")
    run_upkeep([SAVED])
    database.execute(
        "update dynamics.deliveries set finished_at = now() - interval '90 seconds' where delivery_id = %s",
        [number],
    )
    database.commit()
    run_upkeep([SAVED])
    assert len(mailbox.accepted) == 4


def test_a_stale_report_is_repaired_by_deliver(mailbox, add_ended_mail):
    add_ended_mail("a@example.com", "failed", "the data was not ready in time", attempts=0)
    run_upkeep([SAVED])
    assert "dynamics deliver daily --at 2026-03-01T07:00:00Z" in texts(mailbox)[0][1]


def test_an_owner_without_an_address_is_reported(mailbox, database, add_ended_mail):
    add_ended_mail(
        "nobody", "skipped", "no address for owner 'North' (7): add it to delivery.owners", attempts=0
    )
    assert is_upkeep_needed(database)
    run_upkeep([SAVED])
    assert "no address for owner 'North' (7): add it to delivery.owners" in texts(mailbox)[0][1]


def test_failure_mails_wait_for_the_mail_server(mailbox, database, change_settings, home, add_ended_mail):
    add_ended_mail("a@example.com", "failed", "550 no such user")
    change_settings(smtp_url="smtp://127.0.0.1:9?starttls=none")
    run_upkeep([SAVED])
    assert is_upkeep_needed(database)
    change_settings(smtp_url=mailbox.url)
    run_upkeep([SAVED])
    assert mailbox.recipients() == ["boss@example.com", "data@example.com"]
    assert not is_upkeep_needed(database)


def test_each_address_gets_a_failure_mail_once(mailbox, database):
    mailbox.at_rcpt["data@example.com"] = "451 greylisted, try later"
    failure = Failure("x", ("boss@example.com", "data@example.com"), "Subject", "Text")
    record_failure(database, failure)
    record_failure(database, failure)
    database.commit()
    assert send_failure_mails(database) == 0
    mailbox.clear_faults()
    assert send_failure_mails(database) == 1
    assert mailbox.recipients() == ["boss@example.com", "data@example.com"]
    assert send_failure_mails(database) == 0


def test_a_failure_without_addresses_is_recorded(mailbox, database):
    report_failures([Failure("x", (), "Subject", "Text", "daily", MOMENT)])
    assert not is_upkeep_needed(database)
    assert database.execute("select scheduled_at from dynamics.failures").fetchall() == [(MOMENT,)]
    assert mailbox.accepted == []


def test_failure_mails_do_not_need_the_database(mailbox, change_settings):
    change_settings(database_url="postgresql://nobody@127.0.0.1:9/none")
    report_failures([Failure("x", ("boss@example.com",), "Subject", "Text")])
    assert mailbox.recipients() == ["boss@example.com"]


def dead_run(attempt, *keys):
    """Return a run that ended without a failed step."""
    return dg.DagsterRun(
        job_name="__anonymous",
        tags={SCHEDULE: "due", ATTEMPT: str(attempt), "dagster/partition": KEY},
        asset_selection=frozenset(map(dg.AssetKey, keys)),
    )


def test_a_dead_run_is_mailed_at_the_last_attempt():
    keys = (["snapshots", "daily"], ["deliveries", "daily"])
    assert list(find_failures(dead_run(1, *keys), [], [SAVED, OTHER])) == []
    (failure,) = find_failures(dead_run(MAX_ATTEMPTS, *keys), [], [SAVED, OTHER])
    assert failure.saved_query == "daily"
    assert "its process died" in failure.body


def test_a_failed_build_is_mailed_to_all_failure_addresses():
    third = OTHER.model_copy(
        update={"delivery": OTHER.delivery.model_copy(update={"on_failure": ("c@example.com",)})}
    )
    run = dead_run(1, ["fct_clients"])
    (failure,) = find_failures(run, [], [SAVED, OTHER, third])
    assert failure.addresses == ("boss@example.com", "data@example.com", "c@example.com")
    assert failure.key == f"run {run.run_id}"
    assert "dynamics build" in failure.body
