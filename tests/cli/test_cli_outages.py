"""A service that does not answer: the error names it, and no report is lost or doubled."""

import json

import pytest
from cli_harness import GOLDEN, GOLDEN_QUERY

FIRST = "2019-01-01T05:00:00Z"
UNUSED = "127.0.0.1:1"


@pytest.fixture
def no_mail_server(cli):
    """Return the command line with a mail server that does not answer."""
    cli.set(smtp_url=f"smtp://user:s3cr3t@{UNUSED}")
    return cli


def test_an_unavailable_database_is_named(cli):
    cli.set(database_url=f"postgresql://user:s3cr3t@{UNUSED}/billing")
    for words in (
        ("load", GOLDEN / "source"),
        ("build",),
        ("query", *GOLDEN_QUERY),
        ("deliver", "monthly"),
        ("snapshots", "list"),
        ("deliveries", "list"),
    ):
        result = cli(*words)
        assert result.code == 1
        assert f"the database at {UNUSED}/billing does not answer" in result.line()
        assert "check DYNAMICS_DATABASE_URL" in result.err
        assert "s3cr3t" not in result.err


def test_an_unavailable_bucket_delivers_nothing(cli):
    before = cli.holdings()
    endpoint = cli.s3.meta.endpoint_url
    cli.set(s3_endpoint_url=f"http://{UNUSED}")
    for words in (("query", *GOLDEN_QUERY), ("deliver", "monthly", "--at", FIRST)):
        result = cli(*words)
        assert result.code == 1
        assert f"bucket {cli.bucket} at 127.0.0.1 does not answer" in result.line()
        assert "check DYNAMICS_S3_ENDPOINT_URL" in result.err
    assert cli.holdings() == before | {"dynamics.occurrences": 1}
    cli.set(s3_endpoint_url=endpoint)
    assert cli("deliver", "monthly", "--at", FIRST).code == 0
    assert len(cli.mails()) == 2
    assert cli.holdings()["dynamics.snapshots"] == 1


def test_an_unavailable_mail_server_loses_and_repeats_nothing(no_mail_server):
    cli = no_mail_server
    result = cli("deliver", "monthly", "--at", FIRST)
    assert result.code == 1
    assert f"the mail server at {UNUSED} cannot be used" in result.line()
    assert "check DYNAMICS_SMTP_URL" in result.err
    assert "no mail is lost" in result.err
    assert "s3cr3t" not in result.err
    (snapshot,) = json.loads(cli("snapshots", "list", "--json").out)
    waiting = json.loads(cli("deliveries", "list", "--json").out)
    assert {row["state"] for row in waiting} == {"queued"}
    objects = cli.objects()

    cli.unset("smtp_url")
    again = cli("deliver", "monthly", "--at", FIRST)
    assert again.code == 0
    assert again.id == snapshot["snapshot_id"]
    assert len(cli.mails()) == 2
    assert cli.objects() == objects


def test_a_queued_mail_can_be_sent_alone(no_mail_server):
    cli = no_mail_server
    cli("deliver", "monthly", "--at", FIRST)
    cli.unset("smtp_url")
    (row,) = json.loads(cli("deliveries", "list", "--recipient", "finance@example.com", "--json").out)
    cli("deliveries", "resend", row["delivery_id"])
    assert "finance@example.com" in [mail["Delivered-To"] for mail in cli.mails()]


def test_a_query_with_an_unsent_mail_shows_its_report(no_mail_server):
    cli = no_mail_server
    result = cli("query", *GOLDEN_QUERY, "--output", "csv", "--send-to", "one@example.com")
    assert result.code == 1
    assert "the mail server" in result.err
    (snapshot,) = json.loads(cli("snapshots", "list", "--json").out)
    assert result.link == snapshot["link"]


def test_status_shows_every_unavailable_part(no_mail_server):
    cli = no_mail_server
    result = cli("status", "--json")
    assert result.code == 1
    states = {row["name"]: row["state"] for row in json.loads(result.out)}
    assert states == {"database": "answers", "bucket": "answers", "mail server": "away", "marts": "answers"}
    cli.set(database_url="nonsense", s3_endpoint_url=f"http://key:s3cr3t@{UNUSED}")
    result = cli("status")
    assert result.out.count("  away  ") == 3
    assert "s3cr3t" not in result.out


def test_status_of_an_unused_home_starts_nothing(cli, tmp_path):
    for name in ("database_url", "s3_bucket", "s3_endpoint_url"):
        cli.unset(name)
    cli.set(home=str(tmp_path / "unused"))
    result = cli("status")
    assert result.code == 0
    assert result.out.count("  stopped  ") == 3
    assert not (tmp_path / "unused" / "run").exists()
    assert cli("down").out == "nothing was running\n"
