"""What a run of Dagster makes, sends and refuses, on marts that dbt built through Dagster."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.connections import open_archive
from orchestration.deliveries import reports
from orchestration.reporting.engine import make_report
from orchestration.reporting.table import METRICS
from orchestration.scheduling.assets import SEND_TAG, all_assets, delivery_key, snapshot_key
from orchestration.scheduling.dagster_marts import dbt_resource, marts_assets
from orchestration.scheduling.failed_runs import failures_of
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, SCHEDULE

MONTHLY = """
title: By month
query: {interval: last 3 months, group_by: [month]}
output: {formats: [xlsx, csv]}
delivery: {schedule: "0 7 1 * *", send_to: [to@example.com], cc: [cc@example.com], bcc: [bcc@example.com]}
"""
KEY = "2026-03-01T07:00+0000"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def metadata(result, key):
    """What the materialization of an asset tells."""
    (event,) = (event for event in result.get_asset_materialization_events() if event.asset_key == key)
    return {name: value.value for name, value in event.materialization.metadata.items()}


def told(result):
    """Why the steps of a run failed, as a user reads it."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return [failure.user_failure_data.description for failure in failures]


def table(link):
    """The table behind a link."""
    with open_archive() as (archive, _):
        return archive.open(link.rpartition("=")[2]).table()


def files(link):
    """The files behind a link, by name."""
    with open_archive() as (archive, _):
        return set(archive.open(link.rpartition("=")[2]).manifest.files)


def test_the_marts_are_assets_and_their_tests_are_checks(office):
    made = {event.asset_key.to_user_string() for event in office.marts.get_asset_materialization_events()}
    assert {"fct_clients", "fct_client_events", "mart_flows_daily"} <= made
    checks = office.marts.get_asset_check_evaluations()
    assert len(checks) > 5
    assert all(check.passed for check in checks)
    assert office.value("select count(*) from dynamics.builds where finished_at is not null") == 1


def test_a_part_of_the_marts_is_no_build(office):
    result = dg.materialize(
        [marts_assets()],
        selection=["fct_clients"],
        resources={"dbt": dbt_resource()},
        raise_on_error=False,
        run_config=QUIET,
    )
    assert told(result) == ["the marts are built together: materialize all of them, or run `dynamics build`"]
    assert office.value("select count(*) from dynamics.builds") == 1


def test_a_run_makes_the_snapshot_checks_it_and_mails_it(office):
    saved_query = office.saved_query(MONTHLY)
    result = office.run(saved_query, partition_key=KEY, tags={"dagster/schedule_name": "due"})
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert check.check_name == "report_is_right"
    snapshot, delivery = (metadata(result, key(saved_query)) for key in (snapshot_key, delivery_key))
    assert snapshot["link"] == delivery["link"]
    assert "2025-12-01" in snapshot["files"]
    assert ".xlsx" in snapshot["files"]
    assert "&format=csv" in snapshot["files"]
    assert all(address in snapshot["recipients"] for address in ("to: to@", "cc: cc@", "bcc: bcc@"))
    assert delivery["recipients"].count(", sent") == 3
    assert 0 < snapshot["seconds"] < 60
    assert 0 < delivery["seconds"] < 60
    assert table(snapshot["link"]).columns == ("12/2025", "01/2026", "02/2026")
    assert "clients" in files(snapshot["link"])  # for the drill-down from a mailed report
    assert "12/2025" in snapshot["table"]
    assert "Clients - Active" in snapshot["table"]
    mails = office.mails(saved_query)
    assert len(mails) == 3
    assert {snapshot["link"].rpartition("=")[2]} == {mail["X-Customer-Dynamics-Snapshot"] for mail in mails}
    assert (
        office.value("select generated_by from dynamics.occurrences where saved_query = %s", saved_query.name)
        == "schedule"
    )


def test_a_run_that_is_repeated_sends_nothing_twice(office):
    saved_query = office.saved_query(MONTHLY)
    links = {
        metadata(office.run(saved_query, partition_key=KEY), delivery_key(saved_query))["link"]
        for _ in range(2)
    }
    again = office.run(saved_query, partition_key=KEY, selection=[delivery_key(saved_query)])
    assert again.success
    assert links == {metadata(again, delivery_key(saved_query))["link"]}
    assert len(office.mails(saved_query)) == 3


def test_the_mail_server_is_away_and_the_next_run_sends_what_is_owed(office, environment, home):
    saved_query = office.saved_query(MONTHLY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMICS_SMTP_URL", "smtp://127.0.0.1:9?starttls=none")
        environment(home=home)
        away = office.run(saved_query, partition_key=KEY)
    environment(home=home)
    assert not away.success
    (reason,) = told(away)
    assert "\n" not in reason
    assert reason.startswith("the mail server at 127.0.0.1:9 cannot be used")
    assert "no mail is lost" in reason
    assert office.mails(saved_query) == []
    link = metadata(away, snapshot_key(saved_query))["link"]
    later = office.run(saved_query, partition_key=KEY)
    assert metadata(later, delivery_key(saved_query))["link"] == link
    assert len(office.mails(saved_query)) == 3


def wrong_report(*args, **options):
    """A report in which a balance is not the sum of its parts."""
    report = make_report(*args, **options)
    row = next(i for i, metric in enumerate(METRICS) if metric.name == "Balance")
    block = report.table.blocks[0]
    cells = [list(values) for values in block.cells]
    cells[row][0] = (cells[row][0] or 0) + 1
    wrong = replace(block, cells=tuple(map(tuple, cells)))
    return replace(report, table=replace(report.table, blocks=(wrong,)))


def test_a_wrong_report_is_kept_and_never_mailed(office, monkeypatch):
    monkeypatch.setattr(reports, "make_report", wrong_report)
    saved_query = office.saved_query(MONTHLY)
    result = office.run(saved_query, partition_key=KEY)
    assert not result.success
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert "is not" in check.metadata["problems"].value[0]
    assert delivery_key(saved_query) not in {
        event.asset_key for event in result.get_asset_materialization_events()
    }
    assert table(metadata(result, snapshot_key(saved_query))["link"]).columns
    alone = office.run(saved_query, partition_key=KEY, selection=[delivery_key(saved_query)])
    assert "is not mailed, because it is wrong" in told(alone)[0]
    assert office.mails(saved_query) == []


def test_a_saved_query_that_fails_stops_none_beside_it(office):
    fails = office.saved_query(
        MONTHLY.replace("last 3 months,", "last 3 months, owners: [Nobody],"), name="a_fails"
    )
    works = office.saved_query(MONTHLY, name="b_works")
    result = office.run(fails, works, partition_key=KEY)
    assert len(told(result)) == 1
    assert told(result)[0].startswith("unknown owner 'Nobody'")
    assert len(office.mails(works)) == 3


def test_a_report_that_several_saved_queries_share_is_computed_once(office, monkeypatch):
    made = []

    def counted(*args, **options):
        made.append(options["moment"])
        return make_report(*args, **options)

    monkeypatch.setattr(reports, "make_report", counted)
    year = MONTHLY.replace("last 3 months", "last 12 months")
    several = [office.saved_query(text) for text in (year, year.replace("By month", "Again"), MONTHLY)]
    for key, computed in ((KEY, 2), (KEY, 2), ("2026-02-01T07:00+0000", 4)):
        assert dg.materialize(all_assets(several), partition_key=key, run_config=QUIET).success
        assert len(made) == computed
    titles = {mail["Subject"].partition(":")[0] for each in several for mail in office.mails(each)}
    assert titles == {"By month", "Again"}


def test_a_backfill_mails_nobody_unless_it_is_asked_to(office):
    saved_query = office.saved_query(MONTHLY)
    silent = office.run(saved_query, partition_key=KEY, tags={"dagster/backfill": "b"})
    assert silent.success
    assert metadata(silent, delivery_key(saved_query))["recipients"] == "nobody"
    assert office.mails(saved_query) == []
    assert (
        office.value("select generated_by from dynamics.occurrences where saved_query = %s", saved_query.name)
        == "backfill"
    )
    asked = office.run(saved_query, partition_key=KEY, tags={"dagster/backfill": "c", SEND_TAG: "true"})
    assert (
        metadata(asked, delivery_key(saved_query))["link"]
        == metadata(silent, snapshot_key(saved_query))["link"]
    )
    assert len(office.mails(saved_query)) == 3


def test_a_delivery_without_its_report_says_what_to_do(office):
    saved_query = office.saved_query(MONTHLY)
    result = office.run(saved_query, partition_key=KEY, selection=[delivery_key(saved_query)])
    assert told(result) == [f"there is no report to mail: materialize snapshots/{saved_query.name} with it"]


def test_a_saved_query_without_a_schedule_is_made_for_the_moment_of_its_run(office):
    saved_query = office.saved_query(
        "title: Now\nquery: {interval: today}\ndelivery: {send_to: [a@example.com]}\n"
    )
    before = datetime.now(UTC)
    assert office.run(saved_query).success
    moment = office.value(
        "select scheduled_at from dynamics.occurrences where saved_query = %s", saved_query.name
    )
    assert before <= moment <= datetime.now(UTC)
    assert len(office.mails(saved_query)) == 1


@pytest.fixture
def failures(office):
    """Runs saved queries as their schedule does, and gives what is told of the run if it fails."""

    def failures(*saved_queries, attempt=1, tags=SCHEDULED):
        result = office.run(*saved_queries, partition_key=KEY, tags=tags | {ATTEMPT: str(attempt)})
        steps = [event for event in result.all_events if event.is_step_failure]
        assert steps
        return list(failures_of(result.dagster_run, steps, saved_queries))

    return failures


SCHEDULED = {SCHEDULE: "due", "dagster/schedule_name": "due"}
UNKNOWN = MONTHLY.replace("last 3 months,", "last 3 months, owners: [Nobody],").replace(
    "send_to", "on_failure: [boss@example.com], send_to"
)


def test_a_scheduled_report_that_cannot_be_made_is_told_with_its_repair(office, failures):
    fails, works = office.saved_query(UNKNOWN), office.saved_query(MONTHLY)
    (failure,) = failures(fails, works)
    assert failure.addresses == fails.delivery.on_failure
    assert (failure.saved_query, failure.scheduled_at) == (fails.name, datetime(2026, 3, 1, 7, tzinfo=UTC))
    assert "unknown owner 'Nobody'" in failure.body
    assert f"dynamics deliver {fails.name} --at 2026-03-01T07:00:00Z" in failure.body
    assert all(address in failure.body for address in fails.delivery.bcc)


def test_a_wrong_report_is_told(office, failures, monkeypatch):
    monkeypatch.setattr(reports, "make_report", wrong_report)
    (failure,) = failures(office.saved_query(MONTHLY))
    assert "report_is_right" in failure.body
    assert failure.scheduled_at


def test_a_part_that_is_away_is_told_at_the_first_attempt_and_at_the_last(office, failures, environment):
    saved_query = office.saved_query(MONTHLY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMICS_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
        environment()
        (first,), second = failures(saved_query), failures(saved_query, attempt=2)
        (last,) = failures(saved_query, attempt=MAX_ATTEMPTS)
    environment()
    assert first.scheduled_at is None
    assert "does not answer" in first.body
    assert "tried again by itself" in first.body
    assert second == []
    assert last.scheduled_at
    assert last.failure != first.failure


def test_a_mail_that_waits_for_its_server_is_no_failure_yet(office, failures, environment):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMICS_SMTP_URL", "smtp://127.0.0.1:9?starttls=none")
        environment()
        assert failures(office.saved_query(MONTHLY)) == []
    environment()


def test_who_runs_it_by_hand_sees_the_failure_himself(office, failures):
    assert failures(office.saved_query(UNKNOWN), tags={}) == []
