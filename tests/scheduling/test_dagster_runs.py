"""Dagster runs of saved queries, on marts that dbt built in Dagster."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.connections import open_archive
from orchestration.deliveries import report_generation
from orchestration.reporting.engine import compute_report
from orchestration.reporting.table import METRICS
from orchestration.scheduling.assets import SEND_TAG, build_all_assets, build_snapshot_key, delivery_key
from orchestration.scheduling.failure_sensor import find_failures
from orchestration.scheduling.marts_assets import build_dbt_resource, build_marts_assets
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
    """Return the metadata of the materialization of an asset."""
    (event,) = (event for event in result.get_asset_materialization_events() if event.asset_key == key)
    return {name: value.value for name, value in event.materialization.metadata.items()}


def error_messages(result):
    """Return the error messages of the failed steps of a run."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return [failure.user_failure_data.description for failure in failures]


def table(link):
    """Return the report table of a link."""
    with open_archive() as (archive, _):
        return archive.open(link.rpartition("=")[2]).table()


def files(link):
    """Return the names of the archived files of a link."""
    with open_archive() as (archive, _):
        return set(archive.open(link.rpartition("=")[2]).manifest.files)


def test_the_marts_are_assets_and_their_tests_are_checks(harness):
    assets = {event.asset_key.to_user_string() for event in harness.marts.get_asset_materialization_events()}
    assert {"fct_clients", "fct_client_events", "mart_flows_daily"} <= assets
    checks = harness.marts.get_asset_check_evaluations()
    assert len(checks) > 5
    assert all(check.passed for check in checks)
    assert harness.select_value("select count(*) from dynamics.builds where finished_at is not null") == 1


def test_a_part_of_the_marts_cannot_be_built(harness):
    result = dg.materialize(
        [build_marts_assets()],
        selection=["fct_clients"],
        resources={"dbt": build_dbt_resource()},
        raise_on_error=False,
        run_config=QUIET,
    )
    assert error_messages(result) == [
        "the marts are built together: materialize all of them, or run `dynamics build`"
    ]
    assert harness.select_value("select count(*) from dynamics.builds") == 1


def test_a_run_archives_checks_and_mails_the_report(harness):
    saved_query = harness.saved_query(MONTHLY)
    result = harness.run(saved_query, partition_key=KEY, tags={"dagster/schedule_name": "due"})
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert check.check_name == "report_is_right"
    snapshot, delivery = (metadata(result, key(saved_query)) for key in (build_snapshot_key, delivery_key))
    assert snapshot["link"] == delivery["link"]
    assert "2025-12-01" in snapshot["files"]
    assert ".xlsx" in snapshot["files"]
    assert "&format=csv" in snapshot["files"]
    assert all(address in snapshot["recipients"] for address in ("to: to@", "cc: cc@", "bcc: bcc@"))
    assert delivery["recipients"].count(", sent") == 3
    assert 0 < snapshot["seconds"] < 60
    assert 0 < delivery["seconds"] < 60
    assert table(snapshot["link"]).columns == ("12/2025", "01/2026", "02/2026")
    assert "clients" in files(snapshot["link"])
    assert "12/2025" in snapshot["table"]
    assert "Clients - Active" in snapshot["table"]
    mails = harness.mails(saved_query)
    assert len(mails) == 3
    assert {snapshot["link"].rpartition("=")[2]} == {mail["X-Customer-Dynamics-Snapshot"] for mail in mails}
    assert (
        harness.select_value(
            "select generated_by from dynamics.occurrences where saved_query = %s", saved_query.name
        )
        == "schedule"
    )


def test_a_repeated_run_sends_nothing_twice(harness):
    saved_query = harness.saved_query(MONTHLY)
    links = {
        metadata(harness.run(saved_query, partition_key=KEY), delivery_key(saved_query))["link"]
        for _ in range(2)
    }
    again = harness.run(saved_query, partition_key=KEY, selection=[delivery_key(saved_query)])
    assert again.success
    assert links == {metadata(again, delivery_key(saved_query))["link"]}
    assert len(harness.mails(saved_query)) == 3


def test_the_next_run_sends_waiting_mails(harness, change_settings, home):
    saved_query = harness.saved_query(MONTHLY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMICS_SMTP_URL", "smtp://127.0.0.1:9?starttls=none")
        change_settings(home=home)
        failed = harness.run(saved_query, partition_key=KEY)
    change_settings(home=home)
    assert not failed.success
    (reason,) = error_messages(failed)
    assert "\n" not in reason
    assert reason.startswith("the mail server at 127.0.0.1:9 cannot be used")
    assert "no mail is lost" in reason
    assert harness.mails(saved_query) == []
    link = metadata(failed, build_snapshot_key(saved_query))["link"]
    later = harness.run(saved_query, partition_key=KEY)
    assert metadata(later, delivery_key(saved_query))["link"] == link
    assert len(harness.mails(saved_query)) == 3


def compute_inconsistent_report(*args, **options):
    """Compute a report in which a balance is not the sum of its parts."""
    report = compute_report(*args, **options)
    row = next(i for i, metric in enumerate(METRICS) if metric.name == "Balance")
    block = report.table.blocks[0]
    cells = [list(values) for values in block.cells]
    cells[row][0] = (cells[row][0] or 0) + 1
    wrong = replace(block, cells=tuple(map(tuple, cells)))
    return replace(report, table=replace(report.table, blocks=(wrong,)))


def test_an_inconsistent_report_is_kept_and_not_mailed(harness, monkeypatch):
    monkeypatch.setattr(report_generation, "compute_report", compute_inconsistent_report)
    saved_query = harness.saved_query(MONTHLY)
    result = harness.run(saved_query, partition_key=KEY)
    assert not result.success
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert "is not" in check.metadata["problems"].value[0]
    assert delivery_key(saved_query) not in {
        event.asset_key for event in result.get_asset_materialization_events()
    }
    assert table(metadata(result, build_snapshot_key(saved_query))["link"]).columns
    alone = harness.run(saved_query, partition_key=KEY, selection=[delivery_key(saved_query)])
    assert "is not mailed, because it is inconsistent" in error_messages(alone)[0]
    assert harness.mails(saved_query) == []


def test_a_failed_report_does_not_stop_the_others(harness):
    fails = harness.saved_query(
        MONTHLY.replace("last 3 months,", "last 3 months, owners: [Nobody],"), name="a_fails"
    )
    works = harness.saved_query(MONTHLY, name="b_works")
    result = harness.run(fails, works, partition_key=KEY)
    assert len(error_messages(result)) == 1
    assert error_messages(result)[0].startswith("unknown owner 'Nobody'")
    assert len(harness.mails(works)) == 3


def test_a_shared_report_is_computed_once(harness, monkeypatch):
    moments = []

    def compute_and_count(*args, **options):
        moments.append(options["moment"])
        return compute_report(*args, **options)

    monkeypatch.setattr(report_generation, "compute_report", compute_and_count)
    year = MONTHLY.replace("last 3 months", "last 12 months")
    saved_queries = [harness.saved_query(text) for text in (year, year.replace("By month", "Again"), MONTHLY)]
    for key, computed in ((KEY, 2), (KEY, 2), ("2026-02-01T07:00+0000", 4)):
        assert dg.materialize(build_all_assets(saved_queries), partition_key=key, run_config=QUIET).success
        assert len(moments) == computed
    titles = {
        mail["Subject"].partition(":")[0]
        for saved_query in saved_queries
        for mail in harness.mails(saved_query)
    }
    assert titles == {"By month", "Again"}


def test_a_backfill_sends_mails_only_with_its_tag(harness):
    saved_query = harness.saved_query(MONTHLY)
    silent = harness.run(saved_query, partition_key=KEY, tags={"dagster/backfill": "b"})
    assert silent.success
    assert metadata(silent, delivery_key(saved_query))["recipients"] == "nobody"
    assert harness.mails(saved_query) == []
    assert (
        harness.select_value(
            "select generated_by from dynamics.occurrences where saved_query = %s", saved_query.name
        )
        == "backfill"
    )
    loud = harness.run(saved_query, partition_key=KEY, tags={"dagster/backfill": "c", SEND_TAG: "true"})
    assert (
        metadata(loud, delivery_key(saved_query))["link"]
        == metadata(silent, build_snapshot_key(saved_query))["link"]
    )
    assert len(harness.mails(saved_query)) == 3


def test_a_delivery_needs_its_report(harness):
    saved_query = harness.saved_query(MONTHLY)
    result = harness.run(saved_query, partition_key=KEY, selection=[delivery_key(saved_query)])
    assert error_messages(result) == [
        f"there is no report to mail: materialize snapshots/{saved_query.name} with it"
    ]


def test_without_a_schedule_the_run_time_is_the_moment(harness):
    saved_query = harness.saved_query(
        "title: Now\nquery: {interval: today}\ndelivery: {send_to: [a@example.com]}\n"
    )
    before = datetime.now(UTC)
    assert harness.run(saved_query).success
    moment = harness.select_value(
        "select scheduled_at from dynamics.occurrences where saved_query = %s", saved_query.name
    )
    assert before <= moment <= datetime.now(UTC)
    assert len(harness.mails(saved_query)) == 1


@pytest.fixture
def failures(harness):
    """Return a function that runs saved queries as scheduled, and returns the failures."""

    def failures(*saved_queries, attempt=1, tags=SCHEDULED):
        result = harness.run(*saved_queries, partition_key=KEY, tags=tags | {ATTEMPT: str(attempt)})
        steps = [event for event in result.all_events if event.is_step_failure]
        assert steps
        return list(find_failures(result.dagster_run, steps, saved_queries))

    return failures


SCHEDULED = {SCHEDULE: "due", "dagster/schedule_name": "due"}
UNKNOWN = MONTHLY.replace("last 3 months,", "last 3 months, owners: [Nobody],").replace(
    "send_to", "on_failure: [boss@example.com], send_to"
)


def test_a_failed_scheduled_report_is_mailed(harness, failures):
    fails, works = harness.saved_query(UNKNOWN), harness.saved_query(MONTHLY)
    (failure,) = failures(fails, works)
    assert failure.addresses == fails.delivery.on_failure
    assert (failure.saved_query, failure.scheduled_at) == (fails.name, datetime(2026, 3, 1, 7, tzinfo=UTC))
    assert "unknown owner 'Nobody'" in failure.body
    assert f"dynamics deliver {fails.name} --at 2026-03-01T07:00:00Z" in failure.body
    assert all(address in failure.body for address in fails.delivery.bcc)


def test_an_inconsistent_report_is_mailed_as_a_failure(harness, failures, monkeypatch):
    monkeypatch.setattr(report_generation, "compute_report", compute_inconsistent_report)
    (failure,) = failures(harness.saved_query(MONTHLY))
    assert "report_is_right" in failure.body
    assert failure.scheduled_at


def test_an_outage_is_mailed_at_first_and_last_attempt(harness, failures, change_settings):
    saved_query = harness.saved_query(MONTHLY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMICS_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
        change_settings()
        (first,), second = failures(saved_query), failures(saved_query, attempt=2)
        (last,) = failures(saved_query, attempt=MAX_ATTEMPTS)
    change_settings()
    assert first.scheduled_at is None
    assert "does not answer" in first.body
    assert "tried again automatically" in first.body
    assert second == []
    assert last.scheduled_at
    assert last.key != first.key


def test_a_waiting_mail_is_not_a_failure(harness, failures, change_settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMICS_SMTP_URL", "smtp://127.0.0.1:9?starttls=none")
        change_settings()
        assert failures(harness.saved_query(MONTHLY)) == []
    change_settings()


def test_a_manual_run_sends_no_failure_mail(harness, failures):
    assert failures(harness.saved_query(UNKNOWN), tags={}) == []
