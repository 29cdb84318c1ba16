"""A saved query goes out as its schedule would send it: once, whoever asks how often."""

import json
from email import message_from_bytes, policy

FIRST = "2019-01-01T05:00:00Z"


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
    assert shown == only | {"link": link}
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
    range_ = ("--from", "2018-03-01T00:00:00Z", "--to", "2018-05-01T04:00:00Z")
    made = desk("backfill", "monthly", *range_)
    assert made.code == 0
    told = [line.split("  ") for line in made.out.splitlines()]
    assert [(moment, number) for moment, number, _ in told] == [
        ("2018-03-01T05:00:00Z", "1/3"),
        ("2018-04-01T04:00:00Z", "2/3"),  # Kyiv is an hour further from UTC by then
        ("2018-05-01T04:00:00Z", "3/3"),
    ]
    assert desk.mails() == []
    objects = desk.objects()
    assert desk("backfill", "monthly", *range_, "--send").out == made.out
    assert desk.objects() == objects
    assert len(desk.mails()) == 6
    nothing = desk("backfill", "monthly", "--from", "2018-03-02T00:00Z", "--to", "2018-03-03T00:00Z")
    assert (nothing.code, nothing.out) == (0, "")
    assert "has no moment" in nothing.err
