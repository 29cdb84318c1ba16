"""Report delivery: `send_if`, slices, notes, attachments and manual deliveries."""

import csv
import io
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from mail_servers import MailServer

from orchestration.connections import database, open_archive
from orchestration.deliveries import mail_queue, manual
from orchestration.deliveries.occurrences import load_note, reserve_occurrence
from orchestration.deliveries.report_delivery import load_occurrence_mails
from orchestration.deliveries.slices import NO_ADDRESS
from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.saved_queries.validation import check_saved_queries
from orchestration.scheduling.assets import delivery_key

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST, SECOND, THIRD = (NOW - timedelta(days=days) for days in (3, 2, 1))
DATES = f"{{from: {NOW - timedelta(days=60):%Y-%m-%d}, to: {NOW - timedelta(days=10):%Y-%m-%d}}}"
NORTHLINE, MERIDIAN = "r00000", "r00001"
CLIENTS = '"Clients - All / Qty"'


def write_file(*lines, interval=DATES, group_by="", owners="", to="[whole@example.com]"):
    """Return the file of a saved query, with more lines under `delivery`."""
    more = "".join(f"\n  {line}" for line in lines)
    return f"""
title: Part by part
query: {{interval: {interval}, group_by: [{group_by}], owners: [{owners}]}}
output: {{formats: [csv]}}
delivery:
  send_to: {to}{more}
"""


def deliver(saved_query, at=FIRST, **options):
    """Deliver manually, and return the snapshot and the mail records."""
    with open_archive() as (archive, connection):
        snapshot, rows = manual.deliver(
            connection, archive, saved_query, at, generated_by="user tester", **options
        )
    return snapshot, rows


def resend(row):
    with open_archive() as (archive, connection):
        return mail_queue.resend(connection, archive, row.delivery_id)


def states(rows):
    """Return recipient, owner and state of each mail."""
    return {(row.recipient.partition("@")[0], row.slice, row.state) for row in rows}


def numbers(mail):
    """Return the first number of each row in the attached CSV file."""
    (file,) = mail.iter_attachments()
    rows = csv.reader(io.StringIO(file.get_payload(decode=True).decode("utf-8-sig")))
    return {f"{section} / {metric}": cells[0] for section, metric, *cells in rows}


def test_an_unchanged_report_is_kept_and_not_mailed(harness):
    saved_query = harness.saved_query(write_file("send_if: changed"))
    first, rows = deliver(saved_query, FIRST)
    assert states(rows) == {("whole", "", "sent")}
    second, rows = deliver(saved_query, SECOND)
    assert states(rows) == {("whole", "", "skipped")}
    assert rows[0].reply == f"not changed: its numbers are the same as in {first.manifest.link}"
    assert second.table() == first.table()
    assert len(harness.mails(saved_query)) == 1
    # The decision stays when the moment is delivered again.
    assert deliver(saved_query, SECOND)[1] == rows
    assert states(deliver(saved_query, FIRST)[1]) == {("whole", "", "sent")}
    assert len(harness.mails(saved_query)) == 1
    # A test send and a resend ignore send_if.
    assert states(deliver(saved_query, SECOND, test_to=["me@example.com"])[1]) == {("me", "", "sent")}
    assert resend(rows[0]).state == "sent"
    (_, mail) = harness.mails(saved_query)
    assert mail["X-Customer-Dynamics-Snapshot"] == second.manifest.id


def test_changed_compares_with_the_last_mailed_report(harness):
    saved_query = harness.saved_query(write_file("send_if: changed", interval="yesterday"))
    quiet = NOW - timedelta(days=2000)
    assert states(deliver(saved_query, quiet)[1]) == {("whole", "", "sent")}
    assert states(deliver(saved_query, quiet + timedelta(days=1))[1]) == {("whole", "", "skipped")}
    (changed, rows) = deliver(saved_query, NOW - timedelta(days=20))
    assert states(rows) == {("whole", "", "sent")}, changed.manifest.link
    # The previous mailed report is the one of the quiet day. Later moments do not count.
    assert states(deliver(saved_query, quiet + timedelta(days=2))[1]) == {("whole", "", "skipped")}


@pytest.mark.parametrize(
    ("send_if", "interval", "reason"),
    [
        ("any_data", DATES, None),
        ("any_data", "{from: 2019-01-01, to: 2019-12-31}", "no data: its interval has no transactions"),
        (f"""['{CLIENTS} is above 3', '{CLIENTS} is below 1']""", DATES, None),
        (f"""['{CLIENTS} is above 3000']""", DATES, f"within limits: not {CLIENTS} is above 3000"),
    ],
)
def test_send_if_suppresses_the_mail(harness, send_if, interval, reason):
    saved_query = harness.saved_query(write_file(f"send_if: {send_if}", interval=interval))
    (_, (row,)) = deliver(saved_query)
    assert row.state == ("skipped" if reason else "sent")
    assert not reason or row.reply == reason
    assert len(harness.mails(saved_query)) == (0 if reason else 1)


def test_a_rise_is_not_a_fall(harness):
    for direction, state in (("rises", "sent"), ("falls", "skipped")):
        condition = f"""send_if: ['{CLIENTS} {direction} by more than 0']"""
        snapshot, (row,) = deliver(harness.saved_query(write_file(condition, group_by="month")))
        before, last = snapshot.table().blocks[0].row("Clients - All", "Qty")[-2:]
        assert before < last, "the sample grows"
        assert row.state == state


def test_each_owner_gets_only_its_own_numbers(harness):
    saved_query = harness.saved_query(
        write_file(
            "cc: [colleague@example.com]",
            "split_by: owner",
            f"owners: {{Northline Telecom: [north@example.com, books@example.com], {MERIDIAN}: [mer@example.com]}}",
        )
    )
    whole, rows = deliver(saved_query)
    assert states(rows) == {
        ("whole", "", "sent"),
        ("colleague", "", "sent"),
        ("north", NORTHLINE, "sent"),
        ("books", NORTHLINE, "sent"),
        ("mer", MERIDIAN, "sent"),
    }
    mails = {mail["Delivered-To"].partition("@")[0]: mail for mail in harness.mails(saved_query)}
    assert len(mails) == len(harness.mails(saved_query)) == 5
    alone = {
        owner: deliver(harness.saved_query(write_file(owners=owner)))[0] for owner in (NORTHLINE, MERIDIAN)
    }
    quantity = {name: int(numbers(mail)["Clients - All / Qty"]) for name, mail in mails.items()}
    for name, snapshot in (
        ("north", alone[NORTHLINE]),
        ("books", alone[NORTHLINE]),
        ("mer", alone[MERIDIAN]),
    ):
        assert (quantity[name],) == snapshot.table().blocks[0].row("Clients - All", "Qty")
    assert 0 < quantity["mer"] < quantity["north"] < quantity["whole"] == quantity["colleague"]
    # No mail contains the address or the link of another owner.
    links = {name: mail["X-Customer-Dynamics-Snapshot"] for name, mail in mails.items()}
    assert links["whole"] == links["colleague"] == whole.manifest.id
    assert len(set(links.values())) == 3
    others = {"mer": ["north", "books", "whole", "colleague"], "north": ["mer", "whole", "colleague"]}
    for name, strangers in others.items():
        text = mails[name].as_string() + mails[name].get_body(("plain",)).get_content()
        assert not [other for other in strangers if f"{other}@" in text or links[other] in text]


def test_a_slice_of_a_later_build_has_a_note(harness, monkeypatch):
    text = write_file("split_by: owner", f"owners: {{{NORTHLINE}: [north@example.com]}}")
    saved_query = harness.saved_query(text)
    monkeypatch.setattr(manual, "mail_report", lambda *_, **__: [])  # as if the process died here
    whole, _ = deliver(saved_query)
    monkeypatch.undo()
    with database() as connection:
        (build,) = connection.execute(
            "insert into dynamics.builds (marts_schema, as_of, finished_at)"
            " select marts_schema, as_of, now() from dynamics.builds where build_id = %s returning build_id",
            [whole.manifest.build_id],
        ).fetchone()
    try:
        again, rows = deliver(saved_query)
    finally:
        with database() as connection:
            connection.execute("delete from dynamics.builds where build_id = %s", [build])
    assert again.manifest.id == whole.manifest.id
    note = f"come from a later build of the data ({build}) than the report of all owners ({whole.manifest.build_id})"
    for mail in harness.mails(saved_query):
        has_note = note in " ".join(mail.get_body(("plain",)).get_content().split())
        assert has_note is mail["Delivered-To"].startswith("north@")
    with database() as connection:
        notes = {row.slice: load_note(connection, row.occurrence_id) for row in rows if row.state == "sent"}
    assert notes[""] is None
    assert note in notes[NORTHLINE]


def test_a_failed_slice_does_not_stop_the_others(harness):
    lines = ["split_by: owner", "owners: {Northline Telecom: [north@example.com], Nowhere: [no@example.com]}"]
    saved_query = harness.saved_query(write_file(*lines))
    snapshot, rows = deliver(saved_query)
    assert states(rows) == {
        ("whole", "", "sent"),
        ("north", NORTHLINE, "sent"),
        ("no", "Nowhere", "failed"),
        (NO_ADDRESS, MERIDIAN, "skipped"),
    }
    replies = {row.slice: row.reply for row in rows}
    assert replies["Nowhere"].startswith("unknown owner 'Nowhere'")
    assert (
        replies[MERIDIAN] == f"no address for owner 'Meridian Reach' ({MERIDIAN}): add it to delivery.owners"
    )
    assert deliver(saved_query)[1] == rows
    # The user of a manual delivery has seen the failure, so `on_failure` gets no mail.
    unseen = "select count(*) from dynamics.deliveries where state = 'failed' and notified_for is distinct from finished_at"
    assert harness.select_value(unseen) == 0
    for row in rows[2:]:
        with pytest.raises(RequestError) as refused:
            resend(row)
        assert (
            f"compute it with `dynamics deliver {saved_query.name} --at {FIRST:%Y-%m-%dT%H:%M:%SZ}`"
            in str(refused.value)
        )
    # After the correction, the same delivery sends only what is missing.
    right = lines[1].replace("Nowhere", "Meridian Reach").replace("no@", "mer@")
    corrected = harness.saved_query(write_file(lines[0], right), name=saved_query.name)
    again, rows = deliver(corrected)
    assert again.manifest.id == snapshot.manifest.id
    assert ("mer", MERIDIAN, "sent") in states(rows)
    mailed = sorted(mail["Delivered-To"].partition("@")[0] for mail in harness.mails(corrected))
    assert mailed == ["mer", "north", "whole"]


def test_an_owner_outside_the_query_gets_nothing(harness):
    owners = "owners: {Northline Telecom: [north@example.com], Meridian Reach: [mer@example.com]}"
    saved_query = harness.saved_query(write_file("split_by: owner", owners, owners=NORTHLINE))
    (_, rows) = deliver(saved_query)
    assert states(rows) == {
        ("whole", "", "sent"),
        ("north", NORTHLINE, "sent"),
        ("mer", "Meridian Reach", "failed"),
    }
    assert "is not one of the query's owners" in rows[-1].reply


def test_send_if_applies_to_each_slice(harness):
    (quantity,) = (
        deliver(harness.saved_query(write_file(owners=MERIDIAN)))[0]
        .table()
        .blocks[0]
        .row("Clients - All", "Qty")
    )
    owners = f"owners: {{{NORTHLINE}: [north@example.com], {MERIDIAN}: [mer@example.com]}}"
    condition = f"""send_if: ['{CLIENTS} is above {quantity}']"""
    (_, rows) = deliver(harness.saved_query(write_file("split_by: owner", owners, condition)))
    assert states(rows) == {
        ("whole", "", "sent"),
        ("north", NORTHLINE, "sent"),
        ("mer", MERIDIAN, "skipped"),
    }


def test_the_check_finds_an_unknown_owner(harness):
    saved_query = harness.saved_query(
        write_file("split_by: owner", "owners:", "  Northline Telcom: [north@example.com]")
    )
    (_, (problem,), _) = check_saved_queries([harness.folder / f"{saved_query.name}.yaml"], harness.folder)
    assert problem.key == "delivery.owners.Northline Telcom"
    assert problem.line == 9
    assert problem.message.endswith("did you mean 'Northline Telecom'?")


def test_a_run_shows_skipped_and_fails_for_failed_slices(harness):
    lines = ["split_by: owner", f"owners: {{{NORTHLINE}: [north@example.com]}}"]
    saved_query = harness.saved_query(write_file(*lines))
    result = harness.run(saved_query)
    assert result.success
    (recipients,) = (
        event.materialization.metadata["recipients"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key == delivery_key(saved_query)
    )
    assert "no address for owner 'Meridian Reach'" in recipients
    failing = harness.run(harness.saved_query(write_file(lines[0], "owners: {Nowhere: [north@example.com]}")))
    (failure,) = (event.step_failure_data for event in failing.all_events if event.is_step_failure)
    assert "unknown owner 'Nowhere'" in failure.user_failure_data.description


def test_a_missed_moment_can_be_delivered_manually(harness):
    saved_query = harness.saved_query(write_file())
    with open_archive() as (_, connection):
        occurrence = reserve_occurrence(connection, saved_query.name, FIRST, "schedule")
        (recipient,) = saved_query.delivery.send_to
        outbox.record_without_sending(
            connection,
            occurrence.occurrence_id,
            [(recipient, "to")],
            "skipped",
            "missed: catch_up is none",
        )
        (row,) = load_occurrence_mails(connection, occurrence.occurrence_id)
    with pytest.raises(RequestError) as refused:
        resend(row)
    assert "has no report to send" in str(refused.value)
    assert states(deliver(saved_query)[1]) == {("whole", "", "sent")}
    assert len(harness.mails(saved_query)) == 1


def test_a_future_moment_is_refused(harness):
    saved_query = harness.saved_query(write_file())
    with pytest.raises(RequestError) as refused:
        deliver(saved_query, NOW + timedelta(days=1))
    assert "is in the future" in str(refused.value)
    assert deliver(saved_query, NOW + timedelta(days=1), test_to=["me@example.com"])[1][0].state == "sent"


@pytest.mark.parametrize(
    ("attach_at_most", "server_takes", "attached"),
    [
        ("10 MB", 300_000, []),
        ("1 kB", None, []),
        ("10 MB", 3_000_000, ["csv", "xlsx"]),
        ("2 kB", None, ["csv"]),
    ],
)
def test_files_above_the_limit_are_linked(
    harness, change_settings, monkeypatch, attach_at_most, server_takes, attached
):
    saved_query = harness.saved_query(
        write_file(f"attach_at_most: {attach_at_most}").replace("[csv]", "[csv, xlsx]")
    )
    server = MailServer(**({"data_size_limit": server_takes} if server_takes else {}))
    server.start()
    monkeypatch.setenv("DYNAMICS_SMTP_URL", server.mailbox.url)
    change_settings()
    try:
        snapshot, (row,) = deliver(saved_query)
    finally:
        monkeypatch.undo()
        change_settings()
        server.stop()
    assert row.state == "sent"
    ((_, envelope),) = server.mailbox.accepted
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert [file.get_filename().rpartition(".")[2] for file in mail.iter_attachments()] == attached
    text = mail.get_body(("plain",)).get_content()
    manifest = snapshot.manifest
    for fmt in ("csv", "xlsx"):
        note = f"{manifest.files[fmt].filename} is too large for this mail: {manifest.link}&format={fmt}"
        assert (note in text) is (fmt not in attached)
