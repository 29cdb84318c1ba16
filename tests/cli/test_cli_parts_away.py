"""A part that is away: which one, what to do, and nothing lost or made twice."""

import json

import pytest
from desk import GOLDEN, GOLDEN_QUERY

FIRST = "2019-01-01T05:00:00Z"
NOBODY = "127.0.0.1:1"


@pytest.fixture
def no_mail_server(desk):
    desk.set(smtp_url=f"smtp://user:s3cr3t@{NOBODY}")
    return desk


def test_a_database_that_is_away_is_named(desk):
    desk.set(database_url=f"postgresql://user:s3cr3t@{NOBODY}/billing")
    for words in (
        ("load", GOLDEN / "source"),
        ("build",),
        ("query", *GOLDEN_QUERY),
        ("deliver", "monthly"),
        ("snapshots", "list"),
        ("deliveries", "list"),
    ):
        said = desk(*words)
        assert said.code == 1
        assert f"the database at {NOBODY}/billing does not answer" in said.line()
        assert "check DYNAMICS_DATABASE_URL" in said.err
        assert "s3cr3t" not in said.err


def test_a_bucket_that_is_away_is_named_and_nothing_counts_as_delivered(desk):
    before = desk.holdings()
    endpoint = desk.s3.meta.endpoint_url
    desk.set(s3_endpoint_url=f"http://{NOBODY}")
    for words in (("query", *GOLDEN_QUERY), ("deliver", "monthly", "--at", FIRST)):
        said = desk(*words)
        assert said.code == 1
        assert f"bucket {desk.bucket} at 127.0.0.1 does not answer" in said.line()
        assert "check DYNAMICS_S3_ENDPOINT_URL" in said.err
    assert desk.holdings() == before | {"dynamics.occurrences": 1}
    desk.set(s3_endpoint_url=endpoint)
    assert desk("deliver", "monthly", "--at", FIRST).code == 0
    assert len(desk.mails()) == 2
    assert desk.holdings()["dynamics.snapshots"] == 1


def test_a_mail_server_that_is_away_costs_no_report_and_makes_none_twice(no_mail_server):
    desk = no_mail_server
    said = desk("deliver", "monthly", "--at", FIRST)
    assert said.code == 1
    assert f"the mail server at {NOBODY} cannot be used" in said.line()
    assert "check DYNAMICS_SMTP_URL" in said.err
    assert "no mail is lost" in said.err
    assert "s3cr3t" not in said.err
    (kept,) = json.loads(desk("snapshots", "list", "--json").out)
    waiting = json.loads(desk("deliveries", "list", "--json").out)
    assert {row["state"] for row in waiting} == {"queued"}
    objects = desk.objects()

    desk.unset("smtp_url")
    again = desk("deliver", "monthly", "--at", FIRST)
    assert again.code == 0
    assert again.id == kept["snapshot_id"]
    assert len(desk.mails()) == 2
    assert desk.objects() == objects


def test_a_waiting_mail_can_be_sent_by_itself(no_mail_server):
    desk = no_mail_server
    desk("deliver", "monthly", "--at", FIRST)
    desk.unset("smtp_url")
    (row,) = json.loads(desk("deliveries", "list", "--recipient", "finance@example.com", "--json").out)
    desk("deliveries", "resend", row["delivery_id"])
    assert "finance@example.com" in [mail["Delivered-To"] for mail in desk.mails()]


def test_a_query_whose_mail_cannot_go_out_still_shows_its_report(no_mail_server):
    desk = no_mail_server
    said = desk("query", *GOLDEN_QUERY, "--output", "csv", "--send-to", "one@example.com")
    assert said.code == 1
    assert "the mail server" in said.err
    (kept,) = json.loads(desk("snapshots", "list", "--json").out)
    assert said.link == kept["link"]


def test_status_says_which_part_is_away_and_goes_on(no_mail_server):
    desk = no_mail_server
    said = desk("status", "--json")
    assert said.code == 1
    states = {row["name"]: row["state"] for row in json.loads(said.out)}
    assert states == {"database": "answers", "bucket": "answers", "mail server": "away", "marts": "answers"}
    desk.set(database_url="nonsense", s3_endpoint_url=f"http://key:s3cr3t@{NOBODY}")
    said = desk("status")
    assert said.out.count("  away  ") == 3
    assert "s3cr3t" not in said.out


def test_a_home_that_was_never_used_has_stopped_parts_and_nothing_starts(desk, tmp_path):
    for name in ("database_url", "s3_bucket", "s3_endpoint_url"):
        desk.unset(name)
    desk.set(home=str(tmp_path / "unused"))
    said = desk("status")
    assert said.code == 0
    assert said.out.count("  stopped  ") == 3
    assert not (tmp_path / "unused" / "run").exists()
    assert desk("down").out == "nothing was running\n"
