"""The clock of schedules: which crons are taken, and that every local date gets its report once, clock changes or not."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestration.saved_queries.cron import check_cron, moments, previous_moment

ZONES = ["UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe"]


def year(cron: str, zone: str) -> list[datetime]:
    """All moments of 2026 on the calendar of the zone, in its own clock."""
    there = ZoneInfo(zone)
    found = moments(cron, zone, datetime(2026, 1, 1, tzinfo=there), datetime(2027, 1, 1, tzinfo=there))
    return [moment.astimezone(there) for moment in found]


@pytest.mark.parametrize(
    "cron",
    [
        "0 7 1 * *",
        "*/15 9-17 * * mon-fri",
        "0 7 * * 7",
        "30 6 1,15 * *",
        "0 0 29 2 *",
        "0 10 L * *",
        "0 8 * * 1#1",
        "0 7 1 JAN,JUL *",
    ],
)
def test_a_cron_of_five_fields_is_taken_and_dagster_takes_it_too(cron):
    from dagster._utils.schedules import is_valid_cron_schedule

    assert check_cron(cron) == cron
    assert is_valid_cron_schedule(cron)


def test_spaces_between_the_fields_are_made_single():
    assert check_cron("  0   7 1\t* * ") == "0 7 1 * *"


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "every morning",
        "@daily",
        "0 7 1 *",
        "0 0 7 1 * *",
        "60 7 * * *",
        "0 24 * * *",
        "0 7 0 * *",
        "0 7 * 13 *",
        "0 7 * * 8",
        "R R * * *",
        "H H * * *",
        "0 7 1W * *",
        "*/0 * * * *",
    ],
)
def test_what_is_no_cron_of_five_plain_fields_is_refused(cron):
    with pytest.raises(ValueError, match="is no cron of five fields"):
        check_cron(cron)


@pytest.mark.parametrize(
    "cron", ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *", "0 0 30 2 mon", "0 0 * 2 1#5"]
)
def test_a_cron_that_never_fires_is_refused(cron):
    with pytest.raises(ValueError, match="never fires within 5 years"):
        check_cron(cron)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "cron", ["0 0 * * *", "30 1 * * *", "15 2 * * *", "30 2 * * *", "0 3 * * *", "30 3 * * *", "59 23 * * *"]
)
def test_a_daily_schedule_fires_once_on_every_local_date(cron, zone):
    fired = Counter(moment.date() for moment in year(cron, zone))
    assert fired == {date(2026, 1, 1) + timedelta(days=day): 1 for day in range(365)}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Kyiv", "America/New_York"])
def test_an_hourly_schedule_follows_elapsed_time(zone):
    fired = [moment.astimezone(UTC) for moment in year("30 * * * *", zone)]
    assert {later - earlier for earlier, later in pairwise(fired)} == {timedelta(hours=1)}
    assert len(fired) == 365 * 24


@pytest.mark.parametrize(
    ("zone", "cron", "day", "jump"),
    [
        ("Europe/Kyiv", "30 3 * * *", date(2026, 3, 29), "04:00+0300"),
        ("America/New_York", "30 2 * * *", date(2026, 3, 8), "03:00-0400"),
        ("Australia/Lord_Howe", "15 2 * * *", date(2026, 10, 4), "02:30+1100"),
    ],
)
def test_a_skipped_time_fires_at_the_instant_of_the_jump(zone, cron, day, jump):
    assert [moment.strftime("%H:%M%z") for moment in year(cron, zone) if moment.date() == day] == [jump]


@pytest.mark.parametrize(
    ("zone", "cron", "day", "second"),
    [
        ("Europe/Kyiv", "30 3 * * *", date(2026, 10, 25), "03:30+0200"),
        ("America/New_York", "30 1 * * *", date(2026, 11, 1), "01:30-0500"),
        ("Australia/Lord_Howe", "45 1 * * *", date(2026, 4, 5), "01:45+1030"),
    ],
)
def test_a_time_that_occurs_twice_fires_at_its_second_occurrence(zone, cron, day, second):
    assert [moment.strftime("%H:%M%z") for moment in year(cron, zone) if moment.date() == day] == [second]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", ["0 7 1 * *", "30 3 * * *", "15,45 1-3 * * *"])
@pytest.mark.parametrize("month", [3, 10])
def test_the_moments_are_the_partitions_that_dagster_cuts(cron, zone, month):
    """With the offset in a partition's key; without it, the key of a time that occurs twice finds the wrong one."""
    import dagster as dg

    start, end = (datetime(2026, number, 6, tzinfo=ZoneInfo(zone)) for number in (month, month + 1))
    partitions = dg.TimeWindowPartitionsDefinition(
        start=start, timezone=zone, cron_schedule=cron, fmt="%Y-%m-%d-%H:%M%z", end_offset=1
    )
    keys = partitions.get_partition_keys(current_time=end - timedelta(seconds=1))
    cut = [partitions.time_window_for_partition_key(key).start.astimezone(UTC) for key in keys]
    assert cut == list(moments(cron, zone, start, end))


@pytest.mark.parametrize("zone", [*ZONES, "America/Havana", "Africa/Cairo"])
@pytest.mark.parametrize("cron", ["30 0 * * *", "30 2 * * *", "30 23 * * *", "*/20 * * * *"])
def test_the_previous_moment_is_the_latest_that_is_not_after(cron, zone):
    """Asked at any minute around a clock change, also where Dagster's own iterator breaks off."""
    for change in (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 10, 29, 20, tzinfo=UTC)):
        around = list(moments(cron, zone, change - timedelta(days=2), change + timedelta(days=2)))
        for minutes in range(0, 240, 37):
            at = change + timedelta(minutes=minutes)
            assert previous_moment(cron, zone, at) == max(moment for moment in around if moment <= at)


def test_start_is_inside_and_end_is_outside():
    start, end = datetime(2026, 1, 1, 7, tzinfo=UTC), datetime(2026, 1, 3, 7, tzinfo=UTC)
    assert list(moments("0 7 * * *", "UTC", start, end)) == [start, start + timedelta(days=1)]
    assert list(moments("0 7 * * *", "UTC", start, start)) == []


def test_the_scheduled_moment_itself_counts_as_previous():
    at = datetime(2026, 1, 1, 7, tzinfo=UTC)
    assert previous_moment("0 7 1 * *", "UTC", at) == at
    assert previous_moment("0 7 1 * *", "UTC", at - timedelta(microseconds=1)) == datetime(
        2025, 12, 1, 7, tzinfo=UTC
    )


def test_29_february_is_found_years_back():
    assert previous_moment("0 0 29 2 *", "UTC", datetime(2027, 6, 1, tzinfo=UTC)) == datetime(
        2024, 2, 29, tzinfo=UTC
    )
