"""What Dagster is told of the saved queries: lists that change only on purpose, moments, and mistakes that stay alone."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.definitions import defs
from orchestration.saved_queries.cron import moments
from orchestration.saved_queries.saved_query_file import read_saved_query
from orchestration.scheduling.assets import assets_of
from orchestration.scheduling.dagster_marts import REPORT_STORE
from orchestration.scheduling.partitions import partition_key_of, partitions_of
from orchestration.scheduling.schedules import schedules_of
from orchestration.settings import PROJECT_ROOT

SCHEDULED = """
title: Yesterday
query: {interval: yesterday}
delivery: {schedule: "CRON", timezone: ZONE, send_to: [a@example.com]}
"""


@pytest.fixture
def saved(tmp_path):
    """Writes a saved query and reads it."""

    def write(name="daily", cron="30 6 * * *", zone="UTC", text=SCHEDULED):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.replace("CRON", cron).replace("ZONE", zone))
        return read_saved_query(path)

    return write


@pytest.mark.parametrize("zone", ["Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("cron", ["30 2 * * *", "0 * * * *", "0 7 1 * *", "15 1 * * sun"])
def test_every_moment_of_a_year_is_one_partition_and_the_partition_is_that_instant(saved, cron, zone):
    saved_query = saved(cron=cron, zone=zone)
    year = list(moments(cron, zone, datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)))
    keys = [partition_key_of(saved_query, moment) for moment in year]
    partitions = partitions_of(saved_query)
    assert len(set(keys)) == len(keys) >= 12
    assert set(keys) <= set(partitions.get_partition_keys(current_time=datetime(2026, 1, 1, tzinfo=UTC)))
    assert [partitions.time_window_for_partition_key(key).start.astimezone(UTC) for key in keys] == year


def test_the_moment_that_has_just_come_is_a_partition(saved):
    noon = datetime(2025, 5, 5, 6, 30, tzinfo=UTC)
    keys = partitions_of(saved()).get_partition_keys(current_time=noon)
    assert keys[-1] == "2025-05-05T06:30+0000"


def test_saved_queries_that_share_cron_and_zone_run_together(saved):
    group = [saved("one"), saved("two"), saved("three", zone="Europe/Kyiv"), saved("four", cron="0 7 * * *")]
    assert [schedule.name for schedule in schedules_of(group)] == [
        "due_0_7_x_x_x_UTC",
        "due_30_6_x_x_x_Europe_Kyiv",
        "due_30_6_x_x_x_UTC",
    ]


def test_another_saved_query_leaves_a_schedule_its_name(saved):
    """Dagster keeps under the name whether it is on and when it last fired."""
    (before,) = schedules_of([saved("b")])
    (after,) = schedules_of([saved("a"), saved("b")])
    assert before.name == after.name


@pytest.mark.parametrize("crons", [("1-5 * * * *", "1,5 * * * *"), ("*/5 * * * *", "5 * * * *")])
def test_two_crons_never_share_a_name(saved, crons):
    names = {
        schedule.name for schedule in schedules_of([saved(f"q{i}", cron) for i, cron in enumerate(crons)])
    }
    assert len(names) == 2


def tick(saved_query, at):
    """What the schedule of a saved query answers Dagster at a moment."""
    (schedule,) = schedules_of([saved_query])
    repository = dg.Definitions(assets=[assets_of(saved_query)], schedules=[schedule]).get_repository_def()
    with dg.build_schedule_context(repository_def=repository, scheduled_execution_time=at) as context:
        return schedule.evaluate_tick(context)


def test_a_schedule_asks_for_the_partition_of_its_tick(saved):
    saved_query = saved(cron="* * * * *", zone="Europe/Kyiv")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    (request,) = tick(saved_query, now).run_requests
    key = partition_key_of(saved_query, now)
    assert request.partition_key == key
    assert request.run_key == f"due_x_x_x_x_x_Europe_Kyiv {key}"
    assert {each.to_user_string() for each in request.asset_selection} == {
        "snapshots/daily",
        "deliveries/daily",
    }


def test_a_tick_that_comes_late_is_left_to_catch_up(saved):
    """Dagster itself fires the latest tick after an outage, whatever `catch_up` says."""
    late = tick(saved(), datetime(2025, 10, 26, 6, 30, tzinfo=UTC))
    assert not late.run_requests
    assert "was missed: the sensor `due` follows catch_up" in late.skip_message


def test_a_saved_query_without_a_schedule_has_assets_but_no_moments(saved):
    unsent = saved("asked", text="title: T\nquery: {interval: today}\n")
    mailed = saved(
        "mailed", text="title: T\nquery: {interval: today}\ndelivery: {send_to: [a@example.com]}\n"
    )
    assert schedules_of([unsent, mailed]) == []
    assert [asset.partitions_def for asset in (assets_of(unsent), assets_of(mailed))] == [None] * 2


@pytest.fixture
def loaded(home, environment):
    """Loads the definitions from a folder of saved queries."""

    def load(templates):
        environment(home=home, templates=templates)
        return defs().get_repository_def()

    return load


def keys(repository):
    """The assets that Dagster can materialize, as `group: key`."""
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


def test_the_shipped_saved_queries_are_these_assets_schedules_and_checks(loaded):
    repository = loaded(PROJECT_ROOT / "report_templates")
    found = keys(repository)
    assert [key for key in found if key.startswith("deliveries")] == [
        f"deliveries: deliveries/{name}" for name in REPORTS
    ]
    assert [key for key in found if key.startswith("snapshots")] == [
        f"snapshots: snapshots/{name}" for name in [*REPORTS, "vip_packages"]
    ]
    assert {key.partition(":")[0] for key in found} == {
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


def test_data_flows_from_marts_over_store_and_snapshot_to_mail(loaded):
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


def test_a_broken_file_stops_no_other(loaded, tmp_path, saved):
    saved("whole")
    (tmp_path / "broken.yaml").write_text("title: [")
    repository = loaded(tmp_path)
    assert [schedule.name for schedule in repository.schedule_defs] == ["due_30_6_x_x_x_UTC", "nightly_prune"]
