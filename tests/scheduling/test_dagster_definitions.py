"""The Dagster definitions of saved queries: assets, partitions, schedules and sensors."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from orchestration.definitions import defs
from orchestration.errors import RequestError
from orchestration.resources import PROJECT_ROOT
from orchestration.saved_queries.cron import find_moments
from orchestration.saved_queries.reader import read_saved_query
from orchestration.scheduling.assets import build_assets
from orchestration.scheduling.marts_assets import REPORT_STORE
from orchestration.scheduling.partitions import (
    FIRST_PARTITION,
    define_query_partitions,
    format_partition_key,
)
from orchestration.scheduling.schedules import build_schedules

SCHEDULED = """
title: Yesterday
query: {interval: yesterday}
delivery: {schedule: "CRON", timezone: ZONE, send_to: [a@example.com]}
"""


@pytest.fixture
def saved(tmp_path):
    """Return a function that writes and reads a saved query."""

    def write(name="daily", cron="30 6 * * *", zone="UTC", text=SCHEDULED):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.replace("CRON", cron).replace("ZONE", zone))
        return read_saved_query(path)

    return write


@pytest.mark.parametrize("zone", ["Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("cron", ["30 2 * * *", "0 * * * *", "0 7 1 * *", "15 1 * * sun"])
def test_each_moment_of_a_year_is_one_partition(saved, cron, zone):
    saved_query = saved(cron=cron, zone=zone)
    year = list(find_moments(cron, zone, datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)))
    keys = [format_partition_key(saved_query, moment) for moment in year]
    partitions = define_query_partitions(saved_query)
    assert len(set(keys)) == len(keys) >= 12
    assert set(keys) <= set(partitions.get_partition_keys(current_time=datetime(2026, 1, 1, tzinfo=UTC)))
    assert [partitions.time_window_for_partition_key(key).start.astimezone(UTC) for key in keys] == year


def test_a_moment_has_its_partition_when_it_comes(saved):
    noon = datetime(2025, 5, 5, 6, 30, tzinfo=UTC)
    keys = define_query_partitions(saved()).get_partition_keys(current_time=noon)
    assert keys[-1] == "2025-05-05T06:30+0000"


def test_moments_before_the_first_partition_are_refused(saved):
    saved_query = saved()
    assert format_partition_key(saved_query, FIRST_PARTITION) == "2015-01-01T00:00+0000"
    with pytest.raises(
        RequestError, match="Dagster lists moments from 2015-01-01 on: use `dynamics backfill"
    ):
        format_partition_key(saved_query, FIRST_PARTITION - timedelta(microseconds=1))


def test_the_same_cron_and_zone_share_a_schedule(saved):
    group = [saved("one"), saved("two"), saved("three", zone="Europe/Kyiv"), saved("four", cron="0 7 * * *")]
    assert [schedule.name for schedule in build_schedules(group)] == [
        "due_0_7_x_x_x_UTC",
        "due_30_6_x_x_x_Europe_Kyiv",
        "due_30_6_x_x_x_UTC",
    ]


def test_another_saved_query_keeps_the_schedule_name(saved):
    """Dagster stores the state of a schedule under its name."""
    (before,) = build_schedules([saved("b")])
    (after,) = build_schedules([saved("a"), saved("b")])
    assert before.name == after.name


@pytest.mark.parametrize("crons", [("1-5 * * * *", "1,5 * * * *"), ("*/5 * * * *", "5 * * * *")])
def test_different_crons_have_different_names(saved, crons):
    names = {
        schedule.name for schedule in build_schedules([saved(f"q{i}", cron) for i, cron in enumerate(crons)])
    }
    assert len(names) == 2


def tick(saved_query, at):
    """Return the answer of a saved query's schedule at a moment."""
    (schedule,) = build_schedules([saved_query])
    repository = dg.Definitions(assets=[build_assets(saved_query)], schedules=[schedule]).get_repository_def()
    with dg.build_schedule_context(repository_def=repository, scheduled_execution_time=at) as context:
        return schedule.evaluate_tick(context)


def test_a_schedule_requests_the_partition_of_its_tick(saved):
    saved_query = saved(cron="* * * * *", zone="Europe/Kyiv")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    (request,) = tick(saved_query, now).run_requests
    key = format_partition_key(saved_query, now)
    assert request.partition_key == key
    assert request.run_key == f"due_x_x_x_x_x_Europe_Kyiv {key}"
    assert {key.to_user_string() for key in request.asset_selection} == {
        "snapshots/daily",
        "deliveries/daily",
    }


def test_a_late_tick_is_left_to_catch_up(saved):
    """After an outage Dagster fires the latest tick, but only `catch_up` may decide."""
    late = tick(saved(), datetime(2025, 10, 26, 6, 30, tzinfo=UTC))
    assert not late.run_requests
    assert "was missed: the sensor `due` applies catch_up" in late.skip_message


def test_without_a_schedule_there_are_no_partitions(saved):
    unsent = saved("unsent", text="title: T\nquery: {interval: today}\n")
    mailed = saved(
        "mailed", text="title: T\nquery: {interval: today}\ndelivery: {send_to: [a@example.com]}\n"
    )
    assert build_schedules([unsent, mailed]) == []
    assert [asset.partitions_def for asset in (build_assets(unsent), build_assets(mailed))] == [None] * 2


@pytest.fixture
def loaded(home, change_settings):
    """Return a function that loads the definitions from a folder of saved queries."""

    def load(templates):
        change_settings(home=home, templates=templates)
        return defs().get_repository_def()

    return load


def keys(repository):
    """Return the assets of a repository as `group: key`, sorted."""
    specs = [spec for asset in set(repository.assets_defs_by_key.values()) for spec in asset.specs]
    assert all(spec.description and spec.kinds for spec in specs)
    return sorted(f"{spec.group_name}: {spec.key.to_user_string()}" for spec in specs)


REPORTS = [
    "board_quarter",
    "call_shops",
    "calling_cards_yearly",
    "churn_watch",
    "daily_operations",
    "monthly_finance",
    "northline_partner",
    "package_sales",
]


def test_the_definitions_of_the_shipped_saved_queries(loaded):
    repository = loaded(PROJECT_ROOT / "report_templates")
    assets = keys(repository)
    assert [key for key in assets if key.startswith("deliveries")] == [
        f"deliveries: deliveries/{name}" for name in REPORTS
    ]
    assert [key for key in assets if key.startswith("snapshots")] == [
        f"snapshots: snapshots/{name}" for name in [*REPORTS, "vip_packages"]
    ]
    assert {key.partition(":")[0] for key in assets} == {
        "staging",
        "intermediate",
        "marts",
        "bi",
        "snapshots",
        "deliveries",
    }
    assert [schedule.name for schedule in repository.schedule_defs] == [
        "due_0_10_2_x_x_Asia_Kolkata",
        "due_0_7_1_x_x_Europe_Kyiv",
        "due_0_8_2_1_and_4_and_7_and_10_x_Europe_London",
        "due_0_8_5_1_x_UTC",
        "due_0_8_x_x_mon_Europe_Kyiv",
        "due_0_9_3_x_x_America_New_York",
        "due_15_7_1_x_x_UTC",
        "due_30_6_x_x_x_Europe_Kyiv",
        "nightly_prune",
    ]
    assert [sensor.name for sensor in repository.sensor_defs] == ["due", "failures", "waiting_mails"]
    blocking = {
        key.asset_key.to_user_string()
        for key in repository.asset_graph.asset_check_keys
        if key.name == "report_is_right" and repository.asset_graph.get_check_spec(key).blocking
    }
    assert blocking == {f"snapshots/{name}" for name in [*REPORTS, "vip_packages"]}


def test_data_flows_from_marts_to_mail(loaded):
    graph = loaded(PROJECT_ROOT / "report_templates").asset_graph
    snapshot, delivery = (
        dg.AssetKey(["snapshots", "monthly_finance"]),
        dg.AssetKey(["deliveries", "monthly_finance"]),
    )
    assert graph.get(delivery).parent_keys == {snapshot}
    assert graph.get(snapshot).parent_keys == {REPORT_STORE}
    marts = graph.get(REPORT_STORE).parent_keys
    assert {key.to_user_string() for key in marts} >= {
        "fct_clients",
        "fct_client_events",
        "mart_flows_daily",
    }
    assert all(graph.get(key).group_name == "marts" for key in marts)


def test_a_broken_file_does_not_stop_the_others(loaded, tmp_path, saved):
    saved("whole")
    (tmp_path / "broken.yaml").write_text("title: [")
    repository = loaded(tmp_path)
    assert [schedule.name for schedule in repository.schedule_defs] == ["due_30_6_x_x_x_UTC", "nightly_prune"]
