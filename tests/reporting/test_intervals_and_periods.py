"""Intervals, periods and their look-up tables (definition: Interval, Time zone, Periods)."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestration.errors import RequestError
from orchestration.reporting.intervals import add_months, boundary_of, resolve_interval
from orchestration.reporting.parameters import ReportQuery, read_query
from orchestration.reporting.period_slots import SLOT_MICROSECONDS, build_slots
from orchestration.reporting.periods import MAX_PERIODS, list_periods

FAR_FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
WEDNESDAY = datetime(2021, 10, 13, 22, 30, tzinfo=UTC)


def make_query(interval, **others) -> ReportQuery:
    return ReportQuery.model_validate({"interval": interval} | others)


def days(interval: str, zone: str = "UTC", moment: datetime = WEDNESDAY) -> tuple[str, str]:
    """Return the first day and the day after the last, as dates in the zone."""
    resolved = resolve_interval(make_query(interval, timezone=zone), moment)
    return f"{resolved.start.wall_time:%Y-%m-%d}", f"{resolved.end.wall_time:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("today", ("2021-10-13", "2021-10-14")),
        ("yesterday", ("2021-10-12", "2021-10-13")),
        ("this week", ("2021-10-11", "2021-10-18")),
        ("previous week", ("2021-10-04", "2021-10-11")),
        ("this month", ("2021-10-01", "2021-11-01")),
        ("previous month", ("2021-09-01", "2021-10-01")),
        ("this quarter", ("2021-10-01", "2022-01-01")),
        ("previous quarter", ("2021-07-01", "2021-10-01")),
        ("this year", ("2021-01-01", "2022-01-01")),
        ("previous year", ("2020-01-01", "2021-01-01")),
        ("last 1 days", ("2021-10-12", "2021-10-13")),
        ("last 2 weeks", ("2021-09-27", "2021-10-11")),
        ("last 12 months", ("2020-10-01", "2021-10-01")),
        ("Last  3 Years", ("2018-01-01", "2021-01-01")),
    ],
)
def test_named_intervals_are_whole_calendar_units(interval, expected):
    assert days(interval) == expected


def test_a_named_interval_uses_the_querys_time_zone():
    assert days("today", "Asia/Kathmandu") == ("2021-10-14", "2021-10-15")


def test_to_includes_its_whole_day_or_second():
    by_date = resolve_interval(make_query({"from": "2018-01-01", "to": "2018-01-31"}), FAR_FUTURE)
    assert by_date.end.instant == datetime(2018, 2, 1, tzinfo=UTC)
    by_time = resolve_interval(make_query({"from": "2018-01-01", "to": "2018-01-31T11:59:59.5"}), FAR_FUTURE)
    assert by_time.end.instant == datetime(2018, 1, 31, 12, tzinfo=UTC)


def test_from_after_to_is_refused():
    with pytest.raises(RequestError, match="2018-02-01 is after to 2018-01-31"):
        resolve_interval(make_query({"from": "2018-02-01", "to": "2018-01-31"}), FAR_FUTURE)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Asia/Kathmandu", datetime(2018, 3, 1), datetime(2018, 2, 28, 18, 15, tzinfo=UTC)),
        # The clock in Havana goes from 00:00 to 01:00. It skips midnight and 00:30.
        ("America/Havana", datetime(2018, 3, 11), datetime(2018, 3, 11, 5, tzinfo=UTC)),
        ("America/Havana", datetime(2018, 3, 11, 0, 30, 0, 7), datetime(2018, 3, 11, 5, tzinfo=UTC)),
        # The clock in Havana goes from 01:00 back to 00:00. Midnight occurs twice.
        ("America/Havana", datetime(2018, 11, 4), datetime(2018, 11, 4, 4, tzinfo=UTC)),
        # The clock in Cairo goes from 24:00 back to 23:00. The next day starts an hour later.
        ("Africa/Cairo", datetime(2023, 10, 27), datetime(2023, 10, 26, 22, tzinfo=UTC)),
        # Samoa skipped 30 December 2011.
        ("Pacific/Apia", datetime(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_ambiguous_and_skipped_wall_clock_times(zone, wall, instant):
    assert boundary_of(wall, ZoneInfo(zone)).instant == instant


def test_add_months_clamps_the_day_to_the_month():
    assert add_months(datetime(2020, 3, 31, 5), -1) == datetime(2020, 2, 29, 5)
    assert add_months(datetime(2020, 2, 29), 12) == datetime(2021, 2, 28)
    assert add_months(datetime(2020, 1, 31), -3000).year == 1800


def labels(group, start, end, zone="UTC") -> list[str]:
    query = make_query({"from": start, "to": end}, timezone=zone, group_by=group)
    return [period.label for period in list_periods(query, resolve_interval(query, FAR_FUTURE), FAR_FUTURE)]


def test_periods_are_labelled_by_their_calendar_unit():
    assert labels("year", "2017-06-01", "2019-01-01") == ["2017", "2018", "2019"]
    assert labels("month", "2018-01-15", "2018-03-01") == ["01/2018", "02/2018", "03/2018"]
    assert labels("date", "2020-02-28", "2020-03-01") == ["2020-02-28", "2020-02-29", "2020-03-01"]
    assert labels([], "2018-01-01", "2018-12-31") == ["Total"]
    assert labels("date", "2011-12-29", "2011-12-31", "Pacific/Apia") == [
        "2011-12-29",
        "2011-12-30",
        "2011-12-31",
    ]


def test_periods_end_at_as_of_and_later_ones_are_unknown():
    query = make_query({"from": "2018-01-01", "to": "2018-03-31"}, group_by="month")
    as_of = datetime(2018, 2, 1, tzinfo=UTC)
    periods = list_periods(query, resolve_interval(query, FAR_FUTURE), as_of)
    assert [period.is_known for period in periods] == [True, False, False]
    later_periods = list_periods(query, resolve_interval(query, FAR_FUTURE), as_of + timedelta(days=9))
    assert later_periods[1].end == datetime(2018, 2, 10, tzinfo=UTC)


def test_too_many_periods_are_refused():
    with pytest.raises(RequestError, match=f"more than {MAX_PERIODS:,} periods: group by month"):
        labels("date", "1900-01-01", "2000-12-31")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"interval": "last week"}, "interval: unknown interval 'last week'"),
        ({"interval": "last 0 days"}, "unknown interval"),
        (
            {"interval": {"from": "2018-13-01", "to": "2018-12-31"}},
            "from: '2018-13-01' is not a valid date or time",
        ),
        ({"interval": "today", "timezone": "Mars/Olympus"}, "timezone: unknown timezone 'Mars/Olympus'"),
        ({"interval": "today", "group_by": ["year", "month"]}, "at most one of year, month, date"),
        ({"interval": "today", "active_duration": 0}, "active_duration 0: .*greater than or equal to 1"),
        ({"interval": "today", "client_type": "robot"}, "client_type 'robot'"),
        ({"interval": "today", "currency": "dollars"}, "currency 'dollars'"),
        ({}, "^interval: is mandatory$"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_rule(values, message):
    with pytest.raises(RequestError, match=message):
        read_query(values)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = [
    *("UTC", "Asia/Kathmandu", "America/Havana", "Pacific/Apia", "Africa/Monrovia", "Pacific/Kiritimati")
]


def microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(date(1960, 1, 1), date(2025, 1, 1)),
    length=st.integers(0, 80),
    group=st.sampled_from(["date", "month", "year", []]),
    duration=st.integers(1, 24),
    offset=st.integers(-SLOT_MICROSECONDS, SLOT_MICROSECONDS),
)
def test_slots_count_the_boundaries_before_an_instant(zone, first, length, group, duration, offset):
    query = make_query(
        {"from": first, "to": first + timedelta(days=length)},
        timezone=zone,
        group_by=group,
        active_duration=duration,
    )
    periods = list_periods(query, resolve_interval(query, FAR_FUTURE), FAR_FUTURE)
    for boundaries in (
        [microseconds(period.end) for period in periods],
        [microseconds(period.active_since) for period in periods],
    ):
        inner = boundaries[:-1]
        slots = build_slots(inner, boundaries[0], boundaries[-1])
        for instant in (*boundaries, *(at + 1 for at in boundaries), *(at + offset for at in boundaries)):
            index = min(max(instant // SLOT_MICROSECONDS, slots.first), slots.last) - slots.first
            reached = instant >= slots.boundary[index]
            counted = (slots.count_after if reached else slots.count_before)[index]
            if instant < boundaries[-1]:
                assert counted == bisect_right(inner, instant)
                after = (slots.next_boundary if reached else slots.boundary)[index]
                assert after == boundaries[bisect_right(inner, instant)]


def test_two_boundaries_in_one_slot_are_refused():
    with pytest.raises(ValueError, match="two boundaries lie in one slot"):
        build_slots([SLOT_MICROSECONDS, SLOT_MICROSECONDS + 1], 0, 2 * SLOT_MICROSECONDS)


@given(
    zone=st.sampled_from(sorted(available_timezones())),
    first=st.datetimes(datetime(1840, 1, 1), datetime(2037, 1, 1)),
)
def test_no_zone_has_a_day_as_short_as_a_slot(zone, first):
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [boundary_of(midnight + timedelta(days), ZoneInfo(zone)).instant for days in range(800)]
    build_slots([microseconds(day) for day in days], 0, 0)


def test_only_zones_of_this_machine_are_valid():
    zones = available_timezones()
    assert {make_query("today", timezone=zone).timezone for zone in zones} == zones
    for unknown in ("utc", "Europe/../UTC", "posix/UTC", ""):
        with pytest.raises(ValidationError, match="unknown timezone"):
            make_query("today", timezone=unknown)
