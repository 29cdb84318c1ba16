"""Crons and their moments: every local date has its report once, also with clock changes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestration.errors import RequestError
from orchestration.saved_queries.cron import (
    EARLIEST_MOMENT,
    LATEST_MOMENT,
    check_cron,
    find_moments,
    find_previous_moment,
    require_moment_in_range,
)

ZONES = ["UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe"]


def year(cron: str, zone: str) -> list[datetime]:
    """Return all moments of 2026 in the wall-clock time of the zone."""
    tz = ZoneInfo(zone)
    moments = find_moments(cron, zone, datetime(2026, 1, 1, tzinfo=tz), datetime(2027, 1, 1, tzinfo=tz))
    return [moment.astimezone(tz) for moment in moments]


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
def test_a_valid_cron_is_valid_for_dagster_too(cron):
    from dagster._utils.schedules import is_valid_cron_schedule

    assert check_cron(cron) == cron
    assert is_valid_cron_schedule(cron)


def test_spaces_between_fields_become_single():
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
def test_an_invalid_cron_is_refused(cron):
    with pytest.raises(ValueError, match="is not a valid cron of five fields"):
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
    ("zone", "cron", "day", "change"),
    [
        ("Europe/Kyiv", "30 3 * * *", date(2026, 3, 29), "04:00+0300"),
        ("America/New_York", "30 2 * * *", date(2026, 3, 8), "03:00-0400"),
        ("Australia/Lord_Howe", "15 2 * * *", date(2026, 10, 4), "02:30+1100"),
    ],
)
def test_a_skipped_time_fires_at_the_clock_change(zone, cron, day, change):
    assert [moment.strftime("%H:%M%z") for moment in year(cron, zone) if moment.date() == day] == [change]


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
def test_the_moments_are_the_partitions_of_dagster(cron, zone, month):
    """The key has the offset. Without it, the key of a repeated time finds the wrong partition."""
    import dagster as dg

    start, end = (datetime(2026, number, 6, tzinfo=ZoneInfo(zone)) for number in (month, month + 1))
    partitions = dg.TimeWindowPartitionsDefinition(
        start=start, timezone=zone, cron_schedule=cron, fmt="%Y-%m-%d-%H:%M%z", end_offset=1
    )
    keys = partitions.get_partition_keys(current_time=end - timedelta(seconds=1))
    starts = [partitions.time_window_for_partition_key(key).start.astimezone(UTC) for key in keys]
    assert starts == list(find_moments(cron, zone, start, end))


@pytest.mark.parametrize("zone", [*ZONES, "America/Havana", "Africa/Cairo"])
@pytest.mark.parametrize("cron", ["30 0 * * *", "30 2 * * *", "30 23 * * *", "*/20 * * * *"])
def test_the_previous_moment_is_not_after_the_given_one(cron, zone):
    """Check minutes around clock changes, also where Dagster's own iterator fails."""
    for change in (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 10, 29, 20, tzinfo=UTC)):
        around = list(find_moments(cron, zone, change - timedelta(days=2), change + timedelta(days=2)))
        for minutes in range(0, 240, 37):
            at = change + timedelta(minutes=minutes)
            assert find_previous_moment(cron, zone, at) == max(moment for moment in around if moment <= at)


def test_start_is_included_and_end_is_excluded():
    start, end = datetime(2026, 1, 1, 7, tzinfo=UTC), datetime(2026, 1, 3, 7, tzinfo=UTC)
    assert list(find_moments("0 7 * * *", "UTC", start, end)) == [start, start + timedelta(days=1)]
    assert list(find_moments("0 7 * * *", "UTC", start, start)) == []


def test_the_scheduled_moment_itself_counts_as_previous():
    at = datetime(2026, 1, 1, 7, tzinfo=UTC)
    assert find_previous_moment("0 7 1 * *", "UTC", at) == at
    assert find_previous_moment("0 7 1 * *", "UTC", at - timedelta(microseconds=1)) == datetime(
        2025, 12, 1, 7, tzinfo=UTC
    )


def test_29_february_is_found_in_earlier_years():
    assert find_previous_moment("0 0 29 2 *", "UTC", datetime(2027, 6, 1, tzinfo=UTC)) == datetime(
        2024, 2, 29, tzinfo=UTC
    )


def test_moments_outside_the_years_of_queries_are_refused():
    for moment in (EARLIEST_MOMENT, LATEST_MOMENT - timedelta(microseconds=1)):
        require_moment_in_range(moment)
    for moment in (EARLIEST_MOMENT - timedelta(microseconds=1), LATEST_MOMENT):
        with pytest.raises(RequestError, match="is out of range: use a moment from 1800-01-01 on"):
            require_moment_in_range(moment)


@pytest.mark.parametrize("zone", ZONES)
def test_moments_exist_from_the_earliest_moment_on(zone):
    first = list(find_moments("0 7 * * *", zone, EARLIEST_MOMENT, EARLIEST_MOMENT + timedelta(days=3)))
    assert len(first) == 3
