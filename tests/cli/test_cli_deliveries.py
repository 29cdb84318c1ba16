"""A saved query is delivered as its schedule delivers it: once for each moment."""

import json
import signal
import subprocess
import sys
from email import message_from_bytes, policy

FIRST = "2019-01-01T05:00:00Z"
SPRING = ("--from", "2018-03-01T00:00:00Z", "--to", "2018-05-01T04:00:00Z")


def recipients(cli):
    return sorted(mail["Delivered-To"] for mail in cli.mails())


def test_a_moment_is_mailed_once(cli):
    first = cli("deliver", "monthly", "--at", FIRST)
    assert first.code == 0
    assert first.out.startswith("sent to finance@example.com at 2")
    assert recipients(cli) == ["audit@example.com", "finance@example.com"]
    again = cli("deliver", "monthly", "--at", FIRST)
    assert (again.code, again.out) == (0, first.out)
    assert cli("deliver", "monthly", "--at", "2019-01-01T07:00:00+02:00").out == first.out
    assert len(cli.mails()) == 2
    (mail, _) = cli.mails()
    assert mail["Subject"] == "Monthly: 2018-01-01 to 2018-12-31"
    assert mail["Bcc"] is None
    assert "audit@example.com" not in (mail["To"], mail["Cc"])
    assert first.link in mail.get_body(("plain",)).get_content()


def test_a_test_mail_is_marked_and_does_not_count(cli):
    result = cli("deliver", "monthly", "--at", FIRST, "--to", "me@example.com")
    assert result.code == 0
    (mail,) = cli.mails()
    assert mail["Delivered-To"] == "me@example.com"
    assert mail["Subject"].startswith("[test] Monthly")
    assert cli("deliver", "monthly", "--at", FIRST).link != result.link
    assert recipients(cli) == ["audit@example.com", "finance@example.com", "me@example.com"]


def test_a_dry_run_writes_the_mail_and_sends_nothing(cli):
    before = cli.holdings()
    result = cli("deliver", "monthly", "--at", FIRST, "--dry-run")
    assert result.code == 0
    assert result.out.splitlines()[0] == "written, not sent: monthly.eml"
    mail = message_from_bytes((cli.folder / "monthly.eml").read_bytes(), policy=policy.default)
    assert mail["To"] == "finance@example.com"
    assert result.link in mail.get_body(("plain",)).get_content()
    (file,) = mail.iter_attachments()
    assert file.get_filename().endswith(".csv")
    after = cli.holdings()
    assert after["mails"] == 0
    assert (
        after["dynamics.deliveries"] == after["dynamics.occurrences"] == before["dynamics.occurrences"] == 0
    )


def test_the_record_shows_every_recipient(cli):
    link = cli("deliver", "monthly", "--at", FIRST).link
    listed = cli("deliveries", "list").out.splitlines()
    assert listed[0].split("  ")[0] == "delivery id"
    assert len(listed) == 3
    rows = json.loads(cli("deliveries", "list", "--json").out)
    assert {(row["recipient"], row["header"], row["state"]) for row in rows} == {
        ("finance@example.com", "to", "sent"),
        ("audit@example.com", "bcc", "sent"),
    }
    (only,) = json.loads(cli("deliveries", "list", "--recipient", "audit@example.com", "--json").out)
    assert json.loads(cli("deliveries", "list", "--state", "failed", "--json").out) == []
    record = json.loads(cli("deliveries", "show", only["delivery_id"], "--json").out)
    assert record == only | {"link": link, "note": None}
    assert f"snapshot id    {only['snapshot_id']}" in cli("deliveries", "show", only["delivery_id"]).out


def test_a_sent_mail_is_sent_again_only_with_force(cli):
    cli("deliver", "monthly", "--at", FIRST)
    (row,) = json.loads(cli("deliveries", "list", "--recipient", "finance@example.com", "--json").out)
    refused = cli("deliveries", "resend", row["delivery_id"])
    assert refused.code == 2
    assert "--force" in refused.line()
    assert len(cli.mails()) == 2
    assert cli("deliveries", "resend", row["delivery_id"], "--force").code == 0
    assert recipients(cli) == ["audit@example.com", "finance@example.com", "finance@example.com"]


def test_a_backfill_creates_each_report_once(cli):
    first = cli("backfill", "monthly", *SPRING)
    assert first.code == 0
    lines = [line.split("  ") for line in first.out.splitlines()]
    assert [(moment, number) for moment, number, _ in lines] == [
        ("2018-03-01T05:00:00Z", "1/3"),
        ("2018-04-01T04:00:00Z", "2/3"),  # Kyiv has daylight saving time
        ("2018-05-01T04:00:00Z", "3/3"),
    ]
    assert cli.mails() == []
    objects = cli.objects()
    assert cli("backfill", "monthly", *SPRING, "--send").out == first.out
    assert cli.objects() == objects
    assert len(cli.mails()) == 6
    nothing = cli("backfill", "monthly", "--from", "2018-03-02T00:00Z", "--to", "2018-03-03T00:00Z")
    assert (nothing.code, nothing.out) == (0, "")
    assert "has no moment" in nothing.err


def test_a_backfill_with_again_creates_new_reports(cli):
    old = cli("backfill", "monthly", *SPRING, "--send")
    mails = len(cli.mails())
    new = cli("backfill", "monthly", *SPRING, "--again")
    assert new.code == 0
    links = [{line.split("  ")[-1] for line in result.out.splitlines()} for result in (old, new)]
    assert [len(found) for found in links] == [3, 3]
    assert not links[0] & links[1]
    assert cli.execute("select count(*) from dynamics.snapshots") == [(6,)]
    assert len(cli.mails()) == mails
    # The delivery of the schedule still has the old report, and sends no mail.
    assert cli("deliver", "monthly", "--at", "2018-03-01T05:00:00Z").link in links[0]
    assert len(cli.mails()) == mails
    # The new reports are mailed on request, once.
    for _ in range(2):
        assert cli("backfill", "monthly", *SPRING, "--send").out == new.out
        assert len(cli.mails()) == mails * 2
    assert cli("backfill", "monthly", *SPRING, "--again", "--send").code == 0
    assert len(cli.mails()) == mails * 3


def test_a_failed_moment_does_not_stop_the_others(cli):
    first = cli("backfill", "monthly", *SPRING).out.splitlines()[0]
    cli.execute(
        "update dynamics.snapshots set manifest_sha256 = 'another' where snapshot_id = %s",
        first.rpartition("=")[2],
    )
    failed = cli("backfill", "monthly", *SPRING)
    assert failed.code == 1
    assert ["=" in line for line in failed.out.splitlines()] == [False, True, True]
    assert failed.err.splitlines()[-1].startswith("failed: 1 of 3; run the same command again")


def test_a_backfill_ignores_future_moments(cli):
    result = cli("backfill", "monthly", "--from", "2098-01-01T00:00:00Z", "--to", "2099-01-01T00:00:00Z")
    assert (result.code, result.out) == (0, "")
    assert cli.execute("select count(*) from dynamics.occurrences") == [(0,)]


def test_a_killed_backfill_continues(cli, monthly):
    """A backfill of 180 reports is killed twice. It creates each report once and sends no mail."""
    plain = monthly.replace("  group_by: [month]\n", "").replace("  chart: balance_refill_total\n", "")
    for name in ("first", "second", "third"):
        cli.saved_query(name, plain)
    for name, killed_after in (("first", 20), ("second", 40), ("third", None)):
        words = ["backfill", name, "--from", "2014-01-02T00:00Z", "--to", "2019-01-02T00:00Z"]
        if killed_after:
            with subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli", *words], stdout=subprocess.PIPE, text=True
            ) as killed:
                for _ in range(killed_after):
                    assert killed.stdout.readline()
                killed.send_signal(signal.SIGKILL)
            assert killed.returncode == -signal.SIGKILL
        result = cli(*words)
        assert (result.code, len(result.out.splitlines())) == (0, 60)
    rows = cli.execute(
        "select count(*), count(distinct (saved_query, scheduled_at)) from dynamics.occurrences"
    )
    assert rows == [(180, 180)]
    assert cli.execute(
        "select count(*) from dynamics.occurrences join dynamics.snapshots using (snapshot_id)"
    ) == [(180,)]
    assert cli.mails() == []


def test_a_skipped_mail_is_listed_with_its_reason_and_resent(cli, monthly):
    cli.saved_query("careful", monthly.replace("delivery:", "delivery:\n  send_if: changed"))
    assert cli("deliver", "careful", "--at", FIRST).code == 0
    preview = cli("deliver", "careful", "--at", "2019-02-01T05:00:00Z", "--dry-run")
    assert preview.err.startswith("send_if would skip this mail: not changed")
    skipped = cli("deliver", "careful", "--at", "2019-02-01T05:00:00Z")
    assert skipped.code == 0
    assert skipped.out.startswith("skipped to finance@example.com")
    assert len(cli.mails()) == 2
    listed = cli("deliveries", "list", "--state", "skipped").out
    assert listed.splitlines()[0].split()[:3] == ["delivery", "id", "saved"]
    assert listed.count("not changed: its numbers are the same as in http") == 2
    (row, _) = json.loads(cli("deliveries", "list", "--state", "skipped", "--json").out)
    assert cli("deliveries", "resend", row["delivery_id"]).code == 0
    assert len(cli.mails()) == 3


def test_an_owner_without_an_address_is_reported(cli, monthly):
    """All golden clients belong to Northline Telecom."""
    other = monthly.replace(
        "delivery:", "delivery:\n  split_by: owner\n  owners: {Elsewhere: [else@example.com]}"
    )
    cli.saved_query("split", other)
    result = cli("deliver", "split", "--at", FIRST)
    assert result.code == 1
    assert "skipped to nobody, owner r1" in result.out
    assert "no address for owner 'Northline Telecom' (r1)" in result.out
    assert "failed to else@example.com, owner Elsewhere" in result.out
    assert recipients(cli) == ["audit@example.com", "finance@example.com"]
    (row,) = json.loads(cli("deliveries", "list", "--recipient", "nobody", "--json").out)
    assert (row["slice"], row["state"]) == ("r1", "skipped")
