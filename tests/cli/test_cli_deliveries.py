"""A saved query goes out as its schedule would send it: once, whoever asks how often."""

import json
import signal
import subprocess
import sys
from email import message_from_bytes, policy

FIRST = "2019-01-01T05:00:00Z"
SPRING = ("--from", "2018-03-01T00:00:00Z", "--to", "2018-05-01T04:00:00Z")


def recipients(desk):
    return sorted(mail["Delivered-To"] for mail in desk.mails())


def test_a_report_is_mailed_once_however_often_it_is_asked_for(desk):
    first = desk("deliver", "monthly", "--at", FIRST)
    assert first.code == 0
    assert first.out.startswith("sent to finance@example.com at 2")
    assert recipients(desk) == ["audit@example.com", "finance@example.com"]
    again = desk("deliver", "monthly", "--at", FIRST)
    assert (again.code, again.out) == (0, first.out)
    assert desk("deliver", "monthly", "--at", "2019-01-01T07:00:00+02:00").out == first.out
    assert len(desk.mails()) == 2
    (mail, _) = desk.mails()
    assert mail["Subject"] == "Monthly: 2018-01-01 to 2018-12-31"
    assert mail["Bcc"] is None
    assert "audit@example.com" not in (mail["To"], mail["Cc"])
    assert first.link in mail.get_body(("plain",)).get_content()


def test_a_test_send_is_marked_and_does_not_count(desk):
    said = desk("deliver", "monthly", "--at", FIRST, "--to", "me@example.com")
    assert said.code == 0
    (mail,) = desk.mails()
    assert mail["Delivered-To"] == "me@example.com"
    assert mail["Subject"].startswith("[test] Monthly")
    assert desk("deliver", "monthly", "--at", FIRST).link != said.link
    assert recipients(desk) == ["audit@example.com", "finance@example.com", "me@example.com"]


def test_a_dry_run_writes_the_mail_and_sends_nothing(desk):
    before = desk.holdings()
    said = desk("deliver", "monthly", "--at", FIRST, "--dry-run")
    assert said.code == 0
    assert said.out.splitlines()[0] == "written, not sent: monthly.eml"
    mail = message_from_bytes((desk.folder / "monthly.eml").read_bytes(), policy=policy.default)
    assert mail["To"] == "finance@example.com"
    assert said.link in mail.get_body(("plain",)).get_content()
    (file,) = mail.iter_attachments()
    assert file.get_filename().endswith(".csv")
    after = desk.holdings()
    assert after["mails"] == 0
    assert (
        after["dynamics.deliveries"] == after["dynamics.occurrences"] == before["dynamics.occurrences"] == 0
    )


def test_the_record_says_what_went_to_whom(desk):
    link = desk("deliver", "monthly", "--at", FIRST).link
    listed = desk("deliveries", "list").out.splitlines()
    assert listed[0].split("  ")[0] == "delivery id"
    assert len(listed) == 3
    rows = json.loads(desk("deliveries", "list", "--json").out)
    assert {(row["recipient"], row["header"], row["state"]) for row in rows} == {
        ("finance@example.com", "to", "sent"),
        ("audit@example.com", "bcc", "sent"),
    }
    (only,) = json.loads(desk("deliveries", "list", "--recipient", "audit@example.com", "--json").out)
    assert json.loads(desk("deliveries", "list", "--state", "failed", "--json").out) == []
    shown = json.loads(desk("deliveries", "show", only["delivery_id"], "--json").out)
    assert shown == only | {"link": link, "note": None}
    assert f"snapshot id    {only['snapshot_id']}" in desk("deliveries", "show", only["delivery_id"]).out


def test_what_was_sent_is_sent_again_only_by_force(desk):
    desk("deliver", "monthly", "--at", FIRST)
    (row,) = json.loads(desk("deliveries", "list", "--recipient", "finance@example.com", "--json").out)
    refused = desk("deliveries", "resend", row["delivery_id"])
    assert refused.code == 2
    assert "--force" in refused.line()
    assert len(desk.mails()) == 2
    assert desk("deliveries", "resend", row["delivery_id"], "--force").code == 0
    assert recipients(desk) == ["audit@example.com", "finance@example.com", "finance@example.com"]


def test_a_backfill_makes_each_moment_once_and_mails_only_when_asked(desk):
    made = desk("backfill", "monthly", *SPRING)
    assert made.code == 0
    told = [line.split("  ") for line in made.out.splitlines()]
    assert [(moment, number) for moment, number, _ in told] == [
        ("2018-03-01T05:00:00Z", "1/3"),
        ("2018-04-01T04:00:00Z", "2/3"),  # Kyiv is an hour further from UTC by then
        ("2018-05-01T04:00:00Z", "3/3"),
    ]
    assert desk.mails() == []
    objects = desk.objects()
    assert desk("backfill", "monthly", *SPRING, "--send").out == made.out
    assert desk.objects() == objects
    assert len(desk.mails()) == 6
    nothing = desk("backfill", "monthly", "--from", "2018-03-02T00:00Z", "--to", "2018-03-03T00:00Z")
    assert (nothing.code, nothing.out) == (0, "")
    assert "has no moment" in nothing.err


def test_a_backfill_repeats_nothing_unless_it_is_told_again(desk):
    old = desk("backfill", "monthly", *SPRING, "--send")
    mails = len(desk.mails())
    new = desk("backfill", "monthly", *SPRING, "--again")
    assert new.code == 0
    links = [{line.split("  ")[-1] for line in said.out.splitlines()} for said in (old, new)]
    assert [len(found) for found in links] == [3, 3]
    assert not links[0] & links[1]
    assert desk.execute("select count(*) from dynamics.snapshots") == [(6,)]
    assert len(desk.mails()) == mails
    # The schedule's own moment stays what it was: whoever repeats it mails nobody the new report.
    assert desk("deliver", "monthly", "--at", "2018-03-01T05:00:00Z").link in links[0]
    assert len(desk.mails()) == mails
    # The new reports are mailed on demand, once.
    for _ in range(2):
        assert desk("backfill", "monthly", *SPRING, "--send").out == new.out
        assert len(desk.mails()) == mails * 2
    assert desk("backfill", "monthly", *SPRING, "--again", "--send").code == 0
    assert len(desk.mails()) == mails * 3


def test_one_moment_that_fails_stops_no_other(desk):
    first = desk("backfill", "monthly", *SPRING).out.splitlines()[0]
    desk.execute(
        "update dynamics.snapshots set manifest_sha256 = 'another' where snapshot_id = %s",
        first.rpartition("=")[2],
    )
    failed = desk("backfill", "monthly", *SPRING)
    assert failed.code == 1
    assert ["=" in line for line in failed.out.splitlines()] == [False, True, True]
    assert failed.err.splitlines()[-1].startswith("failed: 1 of 3; the same command tries them again")


def test_a_backfill_makes_no_report_of_a_moment_to_come(desk):
    said = desk("backfill", "monthly", "--from", "2098-01-01T00:00:00Z", "--to", "2099-01-01T00:00:00Z")
    assert (said.code, said.out) == (0, "")
    assert desk.execute("select count(*) from dynamics.occurrences") == [(0,)]


def test_a_backfill_that_is_killed_goes_on_where_it_was(desk, monthly):
    """Sixty months of three saved queries, killed twice: 180 reports, and not one mail."""
    plain = monthly.replace("  group_by: [month]\n", "").replace("  chart: balance_refill_total\n", "")
    for name in ("first", "second", "third"):
        desk.saved_query(name, plain)
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
        said = desk(*words)
        assert (said.code, len(said.out.splitlines())) == (0, 60)
    rows = desk.execute(
        "select count(*), count(distinct (saved_query, scheduled_at)) from dynamics.occurrences"
    )
    assert rows == [(180, 180)]
    assert desk.execute(
        "select count(*) from dynamics.occurrences join dynamics.snapshots using (snapshot_id)"
    ) == [(180,)]
    assert desk.mails() == []


def test_what_was_skipped_is_listed_with_its_reason_and_sent_on_purpose(desk, monthly):
    desk.saved_query("careful", monthly.replace("delivery:", "delivery:\n  send_if: changed"))
    assert desk("deliver", "careful", "--at", FIRST).code == 0
    preview = desk("deliver", "careful", "--at", "2019-02-01T05:00:00Z", "--dry-run")
    assert preview.err.startswith("send_if would keep it back: not changed")
    skipped = desk("deliver", "careful", "--at", "2019-02-01T05:00:00Z")
    assert skipped.code == 0
    assert skipped.out.startswith("skipped to finance@example.com")
    assert len(desk.mails()) == 2
    listed = desk("deliveries", "list", "--state", "skipped").out
    assert listed.splitlines()[0].split()[:3] == ["delivery", "id", "saved"]
    assert listed.count("not changed: its numbers are those of http") == 2
    (row, _) = json.loads(desk("deliveries", "list", "--state", "skipped", "--json").out)
    assert desk("deliveries", "resend", row["delivery_id"]).code == 0
    assert len(desk.mails()) == 3


def test_an_owner_without_an_address_is_told_of(desk, monthly):
    """The golden clients all belong to Northline Telecom."""
    other = monthly.replace(
        "delivery:", "delivery:\n  split_by: owner\n  owners: {Elsewhere: [else@example.com]}"
    )
    desk.saved_query("split", other)
    said = desk("deliver", "split", "--at", FIRST)
    assert said.code == 1
    assert "skipped to nobody, owner r1" in said.out
    assert "no address for owner 'Northline Telecom' (r1)" in said.out
    assert "failed to else@example.com, owner Elsewhere" in said.out
    assert recipients(desk) == ["audit@example.com", "finance@example.com"]
    (row,) = json.loads(desk("deliveries", "list", "--recipient", "nobody", "--json").out)
    assert (row["slice"], row["state"]) == ("r1", "skipped")
