"""Which report becomes a mail, which part of it goes to whom, and what is said of the rest."""

import csv
import io
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from mail_servers import Server

from orchestration.connections import database, open_archive
from orchestration.deliveries import on_request, post
from orchestration.deliveries.dispatch import rows_of
from orchestration.deliveries.occurrences import delivery_occurrence
from orchestration.deliveries.slices import NOBODY
from orchestration.errors import RequestError
from orchestration.mailing import outbox
from orchestration.saved_queries.checking import check_saved_queries
from orchestration.scheduling.assets import delivery_key

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST, SECOND, THIRD = (NOW - timedelta(days=days) for days in (3, 2, 1))
DATES = f"{{from: {NOW - timedelta(days=60):%Y-%m-%d}, to: {NOW - timedelta(days=10):%Y-%m-%d}}}"
NORTHLINE, MERIDIAN = "r00000", "r00001"
CLIENTS = '"Clients - All / Qty"'


def written(*lines, interval=DATES, group_by="", owners="", to="[whole@example.com]"):
    """A saved query as a file has it, with more lines under `delivery`."""
    more = "".join(f"\n  {line}" for line in lines)
    return f"""
title: Part by part
query: {{interval: {interval}, group_by: [{group_by}], owners: [{owners}]}}
output: {{formats: [csv]}}
delivery:
  send_to: {to}{more}
"""


def deliver(saved_query, at=FIRST, **options):
    """Delivers by hand, and gives the link's id and the rows."""
    with open_archive() as (archive, connection):
        snapshot, rows = on_request.deliver(
            connection, archive, saved_query, at, generated_by="user tester", **options
        )
    return snapshot, rows


def resend(row):
    with open_archive() as (archive, connection):
        return post.resend(connection, archive, row.delivery_id)


def states(rows):
    """Who is in which state, for which owner's part."""
    return {(row.recipient.partition("@")[0], row.slice, row.state) for row in rows}


def numbers(mail):
    """The report in the attached file: the first number of each row."""
    (file,) = mail.iter_attachments()
    rows = csv.reader(io.StringIO(file.get_payload(decode=True).decode("utf-8-sig")))
    return {f"{section} / {metric}": cells[0] for section, metric, *cells in rows}


def test_a_report_that_did_not_change_is_kept_and_not_mailed(office):
    saved_query = office.saved_query(written("send_if: changed"))
    first, rows = deliver(saved_query, FIRST)
    assert states(rows) == {("whole", "", "sent")}
    second, rows = deliver(saved_query, SECOND)
    assert states(rows) == {("whole", "", "skipped")}
    assert rows[0].reply == f"not changed: its numbers are those of {first.manifest.link}"
    assert second.table() == first.table()
    assert len(office.mails(saved_query)) == 1
    # What was decided stands, however often it is asked.
    assert deliver(saved_query, SECOND)[1] == rows
    assert states(deliver(saved_query, FIRST)[1]) == {("whole", "", "sent")}
    assert len(office.mails(saved_query)) == 1
    # On purpose is another matter: a test send, and what was skipped.
    assert states(deliver(saved_query, SECOND, test_to=["me@example.com"])[1]) == {("me", "", "sent")}
    assert resend(rows[0]).state == "sent"
    (_, mail) = office.mails(saved_query)
    assert mail["X-Customer-Dynamics-Snapshot"] == second.manifest.id


def test_a_report_is_held_against_the_one_that_was_mailed_and_not_the_one_that_was_made(office):
    changing = office.saved_query(written("send_if: changed", interval="yesterday"))
    quiet = NOW - timedelta(days=2000)
    assert states(deliver(changing, quiet)[1]) == {("whole", "", "sent")}
    assert states(deliver(changing, quiet + timedelta(days=1))[1]) == {("whole", "", "skipped")}
    (moved, rows) = deliver(changing, NOW - timedelta(days=20))
    assert states(rows) == {("whole", "", "sent")}, moved.manifest.link
    # The mailed one before this is that of the quiet day, whatever was mailed of later days.
    assert states(deliver(changing, quiet + timedelta(days=2))[1]) == {("whole", "", "skipped")}


@pytest.mark.parametrize(
    ("send_if", "interval", "reason"),
    [
        ("any_data", DATES, None),
        ("any_data", "{from: 2019-01-01, to: 2019-12-31}", "no data: nothing happened in its interval"),
        (f"""['{CLIENTS} is above 3', '{CLIENTS} is below 1']""", DATES, None),
        (f"""['{CLIENTS} is above 3000']""", DATES, f"within limits: not {CLIENTS} is above 3000"),
    ],
)
def test_a_condition_that_does_not_hold_keeps_the_mail_back(office, send_if, interval, reason):
    saved_query = office.saved_query(written(f"send_if: {send_if}", interval=interval))
    (_, (row,)) = deliver(saved_query)
    assert row.state == ("skipped" if reason else "sent")
    assert not reason or row.reply == reason
    assert len(office.mails(saved_query)) == (0 if reason else 1)


def test_what_rises_from_one_period_to_the_next_does_not_fall(office):
    for direction, state in (("rises", "sent"), ("falls", "skipped")):
        condition = f"""send_if: ['{CLIENTS} {direction} by more than 0']"""
        snapshot, (row,) = deliver(office.saved_query(written(condition, group_by="month")))
        before, last = snapshot.table().blocks[0].row("Clients - All", "Qty")[-2:]
        assert before < last, "the sample grows"
        assert row.state == state


def test_each_owner_gets_its_own_numbers_and_nobody_elses(office):
    saved_query = office.saved_query(
        written(
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
    mails = {mail["Delivered-To"].partition("@")[0]: mail for mail in office.mails(saved_query)}
    assert len(mails) == len(office.mails(saved_query)) == 5
    alone = {owner: deliver(office.saved_query(written(owners=owner)))[0] for owner in (NORTHLINE, MERIDIAN)}
    quantity = {name: int(numbers(mail)["Clients - All / Qty"]) for name, mail in mails.items()}
    for name, snapshot in (
        ("north", alone[NORTHLINE]),
        ("books", alone[NORTHLINE]),
        ("mer", alone[MERIDIAN]),
    ):
        assert (quantity[name],) == snapshot.table().blocks[0].row("Clients - All", "Qty")
    assert 0 < quantity["mer"] < quantity["north"] < quantity["whole"] == quantity["colleague"]
    # Neither another's address nor the link to another's report stands anywhere in the mail.
    links = {name: mail["X-Customer-Dynamics-Snapshot"] for name, mail in mails.items()}
    assert links["whole"] == links["colleague"] == whole.manifest.id
    assert len(set(links.values())) == 3
    others = {"mer": ["north", "books", "whole", "colleague"], "north": ["mer", "whole", "colleague"]}
    for name, strangers in others.items():
        text = mails[name].as_string() + mails[name].get_body(("plain",)).get_content()
        assert not [other for other in strangers if f"{other}@" in text or links[other] in text]


def test_a_part_that_is_of_a_later_build_than_the_whole_says_so(office, monkeypatch):
    text = written("split_by: owner", f"owners: {{{NORTHLINE}: [north@example.com]}}")
    saved_query = office.saved_query(text)
    monkeypatch.setattr(
        on_request, "mail_report", lambda *_, **__: []
    )  # the attempt ends with the whole made
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
    said = f"are of a later build of the data ({build}) than the report of all owners ({whole.manifest.build_id})"
    for mail in office.mails(saved_query):
        told = said in " ".join(mail.get_body(("plain",)).get_content().split())
        assert told is mail["Delivered-To"].startswith("north@")
    with database() as connection:
        notes = {
            row.slice: post.note_of(connection, row.occurrence_id) for row in rows if row.state == "sent"
        }
    assert notes[""] is None
    assert said in notes[NORTHLINE]


def test_an_owner_that_cannot_be_served_is_told_of_and_stops_no_other(office):
    lines = ["split_by: owner", "owners: {Northline Telecom: [north@example.com], Nowhere: [no@example.com]}"]
    saved_query = office.saved_query(written(*lines))
    snapshot, rows = deliver(saved_query)
    assert states(rows) == {
        ("whole", "", "sent"),
        ("north", NORTHLINE, "sent"),
        ("no", "Nowhere", "failed"),
        (NOBODY, MERIDIAN, "skipped"),
    }
    told = {row.slice: row.reply for row in rows}
    assert told["Nowhere"].startswith("unknown owner 'Nowhere'")
    assert told[MERIDIAN] == f"no address for owner 'Meridian Reach' ({MERIDIAN}): add it to delivery.owners"
    assert deliver(saved_query)[1] == rows
    # Who delivers by hand has seen it, and `on_failure` is not mailed.
    unseen = "select count(*) from dynamics.deliveries where state = 'failed' and told_of is distinct from finished_at"
    assert office.value(unseen) == 0
    for row in rows[2:]:
        with pytest.raises(RequestError) as refused:
            resend(row)
        assert f"make it with `dynamics deliver {saved_query.name} --at {FIRST:%Y-%m-%dT%H:%M:%SZ}`" in str(
            refused.value
        )
    # Put right, the same delivery sends what is missing and nothing twice.
    right = lines[1].replace("Nowhere", "Meridian Reach").replace("no@", "mer@")
    corrected = office.saved_query(written(lines[0], right), name=saved_query.name)
    again, rows = deliver(corrected)
    assert again.manifest.id == snapshot.manifest.id
    assert ("mer", MERIDIAN, "sent") in states(rows)
    mailed = sorted(mail["Delivered-To"].partition("@")[0] for mail in office.mails(corrected))
    assert mailed == ["mer", "north", "whole"]


def test_an_owner_that_the_query_leaves_out_gets_nothing(office):
    owners = "owners: {Northline Telecom: [north@example.com], Meridian Reach: [mer@example.com]}"
    saved_query = office.saved_query(written("split_by: owner", owners, owners=NORTHLINE))
    (_, rows) = deliver(saved_query)
    assert states(rows) == {
        ("whole", "", "sent"),
        ("north", NORTHLINE, "sent"),
        ("mer", "Meridian Reach", "failed"),
    }
    assert "is none of the query's" in rows[-1].reply


def test_conditions_hold_for_each_part_by_itself(office):
    (quantity,) = (
        deliver(office.saved_query(written(owners=MERIDIAN)))[0].table().blocks[0].row("Clients - All", "Qty")
    )
    owners = f"owners: {{{NORTHLINE}: [north@example.com], {MERIDIAN}: [mer@example.com]}}"
    condition = f"""send_if: ['{CLIENTS} is above {quantity}']"""
    (_, rows) = deliver(office.saved_query(written("split_by: owner", owners, condition)))
    assert states(rows) == {
        ("whole", "", "sent"),
        ("north", NORTHLINE, "sent"),
        ("mer", MERIDIAN, "skipped"),
    }


def test_a_mapping_to_an_unknown_owner_is_found_by_the_check(office):
    saved_query = office.saved_query(
        written("split_by: owner", "owners:", "  Northline Telcom: [north@example.com]")
    )
    (_, (problem,), _) = check_saved_queries([office.folder / f"{saved_query.name}.yaml"], office.folder)
    assert problem.key == "delivery.owners.Northline Telcom"
    assert problem.line == 9
    assert problem.message.endswith("did you mean 'Northline Telecom'?")


def test_a_run_tells_whom_it_did_not_mail_and_fails_for_what_it_should_have(office):
    lines = ["split_by: owner", f"owners: {{{NORTHLINE}: [north@example.com]}}"]
    saved_query = office.saved_query(written(*lines))
    result = office.run(saved_query)
    assert result.success
    (told,) = (
        event.materialization.metadata["recipients"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key == delivery_key(saved_query)
    )
    assert "no address for owner 'Meridian Reach'" in told
    failing = office.run(office.saved_query(written(lines[0], "owners: {Nowhere: [north@example.com]}")))
    (failure,) = (event.step_failure_data for event in failing.all_events if event.is_step_failure)
    assert "unknown owner 'Nowhere'" in failure.user_failure_data.description


def test_a_missed_moment_is_made_up_for_when_somebody_asks(office):
    saved_query = office.saved_query(written())
    with open_archive() as (_, connection):
        occurrence = delivery_occurrence(connection, saved_query.name, FIRST, "schedule")
        recipients = [(saved_query.delivery.send_to[0], "to")]
        outbox.close(connection, occurrence.occurrence_id, recipients, "skipped", "missed: catch_up is none")
        (row,) = rows_of(connection, occurrence.occurrence_id)
    with pytest.raises(RequestError) as refused:
        resend(row)
    assert "has no report to send" in str(refused.value)
    assert states(deliver(saved_query)[1]) == {("whole", "", "sent")}
    assert len(office.mails(saved_query)) == 1


def test_a_moment_to_come_is_left_to_its_schedule(office):
    saved_query = office.saved_query(written())
    with pytest.raises(RequestError) as refused:
        deliver(saved_query, NOW + timedelta(days=1))
    assert "is yet to come" in str(refused.value)
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
def test_files_that_a_mail_has_no_room_for_are_behind_the_link(
    office, environment, monkeypatch, attach_at_most, server_takes, attached
):
    saved_query = office.saved_query(
        written(f"attach_at_most: {attach_at_most}").replace("[csv]", "[csv, xlsx]")
    )
    server = Server(**({"data_size_limit": server_takes} if server_takes else {}))
    server.start()
    monkeypatch.setenv("DYNAMICS_SMTP_URL", server.mailbox.url)
    environment()
    try:
        snapshot, (row,) = deliver(saved_query)
    finally:
        monkeypatch.undo()
        environment()
        server.stop()
    assert row.state == "sent"
    ((_, envelope),) = server.mailbox.taken
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert [file.get_filename().rpartition(".")[2] for file in mail.iter_attachments()] == attached
    text = mail.get_body(("plain",)).get_content()
    manifest = snapshot.manifest
    for fmt in ("csv", "xlsx"):
        note = f"{manifest.files[fmt].filename} is too large for this mail: {manifest.link}&format={fmt}"
        assert (note in text) is (fmt not in attached)
