"""From what a user calls an interval to the periods of a report (spec 2, 3)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchestration.reporting.days import whole_days_and_rests
from pydantic import ValidationError

from orchestration.errors import RequestError
from orchestration.reporting.intervals import add_months, boundary, resolve_interval
from orchestration.reporting.parameters import ReportQuery, read_query
from orchestration.reporting.periods import MOST_PERIODS, cut

FAR = datetime(2100, 1, 1, tzinfo=UTC)
A_WEDNESDAY = datetime(2021, 10, 13, 22, 30, tzinfo=UTC)


def asked(interval, **others) -> ReportQuery:
    return ReportQuery.model_validate({"interval": interval} | others)


def days(interval: str, zone: str = "UTC", moment: datetime = A_WEDNESDAY) -> tuple[str, str]:
    """First day and the day after the last, as the clock in the zone names them."""
    resolved = resolve_interval(asked(interval, timezone=zone), moment)
    return f"{resolved.start.wall:%Y-%m-%d}", f"{resolved.end.wall:%Y-%m-%d}"


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


def test_a_named_interval_is_that_of_the_querys_own_calendar():
    assert days("today", "Asia/Kathmandu") == ("2021-10-14", "2021-10-15")


def test_to_is_inclusive_a_date_as_its_day_and_a_time_as_its_second():
    by_date = resolve_interval(asked({"from": "2018-01-01", "to": "2018-01-31"}), FAR)
    assert by_date.end.at == datetime(2018, 2, 1, tzinfo=UTC)
    by_time = resolve_interval(asked({"from": "2018-01-01", "to": "2018-01-31T11:59:59.5"}), FAR)
    assert by_time.end.at == datetime(2018, 1, 31, 12, tzinfo=UTC)


def test_from_after_to_is_refused():
    with pytest.raises(RequestError, match="2018-02-01 is after to 2018-01-31"):
        resolve_interval(asked({"from": "2018-02-01", "to": "2018-01-31"}), FAR)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Asia/Kathmandu", datetime(2018, 3, 1), datetime(2018, 2, 28, 18, 15, tzinfo=UTC)),
        # Havana goes from 00:00 to 01:00: midnight is skipped, and so is 00:30.
        ("America/Havana", datetime(2018, 3, 11), datetime(2018, 3, 11, 5, tzinfo=UTC)),
        ("America/Havana", datetime(2018, 3, 11, 0, 30, 0, 7), datetime(2018, 3, 11, 5, tzinfo=UTC)),
        # And from 01:00 back to 00:00: midnight comes twice.
        ("America/Havana", datetime(2018, 11, 4), datetime(2018, 11, 4, 4, tzinfo=UTC)),
        # Cairo goes from 24:00 back to 23:00: the next day begins once, after both.
        ("Africa/Cairo", datetime(2023, 10, 27), datetime(2023, 10, 26, 22, tzinfo=UTC)),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", datetime(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_wall_clock_time_is_its_first_occurrence_or_the_jump_that_skips_it(zone, wall, instant):
    assert boundary(wall, ZoneInfo(zone)).at == instant


def test_months_back_are_clamped_to_the_months_last_day():
    assert add_months(datetime(2020, 3, 31, 5), -1) == datetime(2020, 2, 29, 5)
    assert add_months(datetime(2020, 2, 29), 12) == datetime(2021, 2, 28)
    assert add_months(datetime(2020, 1, 31), -3000).year == 1800


def labels(group, start, end, zone="UTC") -> list[str]:
    query = asked({"from": start, "to": end}, timezone=zone, group_by=group)
    return [period.label for period in cut(query, resolve_interval(query, FAR), FAR)]


def test_periods_are_labelled_by_their_calendar_unit_and_clipped_to_the_interval():
    assert labels("year", "2017-06-01", "2019-01-01") == ["2017", "2018", "2019"]
    assert labels("month", "2018-01-15", "2018-03-01") == ["01/2018", "02/2018", "03/2018"]
    assert labels("date", "2020-02-28", "2020-03-01") == ["2020-02-28", "2020-02-29", "2020-03-01"]
    assert labels([], "2018-01-01", "2018-12-31") == ["Total"]
    assert labels("date", "2011-12-29", "2011-12-31", "Pacific/Apia") == [
        "2011-12-29",
        "2011-12-30",
        "2011-12-31",
    ]


def test_a_period_ends_at_as_of_and_one_that_begins_there_is_not_known():
    query = asked({"from": "2018-01-01", "to": "2018-03-31"}, group_by="month")
    as_of = datetime(2018, 2, 1, tzinfo=UTC)
    periods = cut(query, resolve_interval(query, FAR), as_of)
    assert [period.known for period in periods] == [True, False, False]
    half = cut(query, resolve_interval(query, FAR), as_of + timedelta(days=9))
    assert half[1].end == datetime(2018, 2, 10, tzinfo=UTC)


def test_more_periods_than_a_sheet_has_columns_are_refused():
    with pytest.raises(RequestError, match=f"more than {MOST_PERIODS:,} periods: group by month"):
        labels("date", "1900-01-01", "2000-12-31")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"interval": "last week"}, "interval: unknown interval 'last week'"),
        ({"interval": "last 0 days"}, "unknown interval"),
        ({"interval": {"from": "2018-13-01", "to": "2018-12-31"}}, "from: '2018-13-01' is no date or time"),
        ({"interval": "today", "timezone": "Mars/Olympus"}, "timezone: unknown timezone 'Mars/Olympus'"),
        ({"interval": "today", "group_by": ["year", "month"]}, "at most one of year, month, date"),
        ({"interval": "today", "active_duration": 0}, "active_duration 0: .*greater than or equal to 1"),
        ({"interval": "today", "client_type": "robot"}, "client_type 'robot'"),
        ({"interval": "today", "currency": "dollars"}, "currency 'dollars'"),
        ({}, "^interval: is mandatory$"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(values, message):
    with pytest.raises(RequestError, match=message):
        read_query(values)


@given(
    zone=st.sampled_from(["UTC", "Asia/Kathmandu", "America/Havana", "Pacific/Apia", "Africa/Monrovia"]),
    first=st.dates(date(1960, 1, 1), date(2025, 1, 1)),
    length=st.integers(0, 80),
    group=st.sampled_from(["date", "month", "year", []]),
)
def test_whole_days_and_rests_cover_every_period_exactly_once(zone, first, length, group):
    query = asked({"from": first, "to": first + timedelta(days=length)}, timezone=zone, group_by=group)
    periods = cut(query, resolve_interval(query, FAR), FAR)
    day_ranges, rests = whole_days_and_rests(periods)
    pieces = [(number, *map(at_midnight, between)) for number, *between in day_ranges] + rests
    for number, period in enumerate(periods, start=1):
        mine = sorted(piece[1:] for piece in pieces if piece[0] == number)
        joints = [period.start, *(end for _, end in mine)]
        assert [start for start, _ in mine] == joints[:-1]
        assert joints[-1] == period.end


def at_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_the_zones_of_this_machine_are_known_and_no_other():
    zones = available_timezones()
    assert {asked("today", timezone=zone).timezone for zone in zones} == zones
    for unknown in ("utc", "Europe/../UTC", "posix/UTC", ""):
        with pytest.raises(ValidationError, match="unknown timezone"):
            asked("today", timezone=unknown)
