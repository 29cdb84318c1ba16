"""Where the reference's periods begin and end, by hand, in zones that jump."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from periods import cut_into_periods, instant_of, named_interval
from tiny import FIRST_HALF, LATER, MARCH, asked, at, client, line, moved, report, world


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        ("2018-03-11T00:00", "America/Havana", "2018-03-11T05:00"),  # skipped: UTC-5 jumps to 01:00 UTC-4
        ("2018-03-11T00:30", "America/Havana", "2018-03-11T05:00"),  # any time in the gap is the jump
        ("2018-11-04T00:00", "America/Havana", "2018-11-04T04:00"),  # twice: the first is UTC-4
        ("2011-12-30T00:00", "Pacific/Apia", "2011-12-30T10:00"),  # the whole day is skipped, UTC-10 to +14
        ("2011-12-30T23:59:59", "Pacific/Apia", "2011-12-30T10:00"),
        ("2010-11-06T23:30", "America/St_Johns", "2010-11-07T02:00"),  # twice: the first is UTC-2:30
        ("2018-04-01T00:00", "Asia/Kathmandu", "2018-03-31T18:15"),
        ("2018-04-01T01:45", "Australia/Lord_Howe", "2018-03-31T14:45"),  # twice, half an hour apart
    ],
)
def test_a_wall_clock_time_is_its_first_occurrence_or_the_jump_over_it(wall, zone, instant):
    assert instant_of(datetime.fromisoformat(wall), ZoneInfo(zone)) == at(instant)


def test_a_day_that_a_zone_skipped_has_an_empty_column():
    # The refill is at the jump itself, which is the first instant of 31 December.
    extract = world(client("a", created="2010-01-01"), moved("a", "2011-12-30T10:00", "refill", "5"))
    params = asked(date(2011, 12, 29), date(2011, 12, 31), timezone="Pacific/Apia", group_by=("date",))

    rows = report(extract, params)

    assert rows[0][2:] == ["2011-12-29", "2011-12-30", "2011-12-31"]
    assert line(rows, "Balance Refill", "Total") == ["N/A", "N/A", "5.00"]
    assert line(rows, "Clients - All", "Balance") == ["0.00", "0.00", "5.00"]


def test_an_hour_that_occurs_twice_before_midnight_belongs_to_the_next_day():
    # St John's reached midnight at 02:30Z and a minute later it was 23:01 again: midnight is its first occurrence.
    extract = world(
        client("a", created="2010-01-01"),
        moved("a", "2010-11-07T02:29:59.999999", "refill", "1"),
        moved("a", "2010-11-07T02:45", "refill", "10"),
    )
    days = asked(date(2010, 11, 6), date(2010, 11, 7), timezone="America/St_Johns", group_by=("date",))

    assert line(report(extract, days), "Balance Refill", "Total") == ["1.00", "10.00"]


def test_to_is_inclusive_whole_day_or_whole_second():
    extract = world(
        client("a"),
        moved("a", "2018-03-31T23:59:59.999999", "refill", "1"),
        moved("a", "2018-04-01T00:00:00", "refill", "10"),
    )
    second = datetime(2018, 3, 31, 23, 59, 59)

    for to in (date(2018, 3, 31), second, second.replace(microsecond=5), second.replace(tzinfo=UTC)):
        assert line(report(extract, asked(date(2018, 3, 1), to)), "Balance Refill", "Total") == ["1.00"]


def test_the_first_and_last_periods_are_clipped_and_labelled_by_their_calendar_unit():
    params = asked(date(2017, 12, 31), datetime(2019, 1, 1, tzinfo=UTC), group_by=("year",))

    periods = cut_into_periods(params, LATER, LATER)

    assert [(p.label, p.start, p.end) for p in periods] == [
        ("2017", at("2017-12-31"), at("2018-01-01")),
        ("2018", at("2018-01-01"), at("2019-01-01")),
        ("2019", at("2019-01-01"), at("2019-01-01T00:00:01")),
    ]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [  # Today is Thursday 29 February 2024.
        ("today", "2024-02-29", "2024-02-29"),
        ("yesterday", "2024-02-28", "2024-02-28"),
        ("this week", "2024-02-26", "2024-03-03"),
        ("previous quarter", "2023-10-01", "2023-12-31"),
        ("this year", "2024-01-01", "2024-12-31"),
        ("last 2 days", "2024-02-27", "2024-02-28"),
        ("last 2 weeks", "2024-02-12", "2024-02-25"),
        ("last 13 months", "2023-01-01", "2024-01-31"),
        ("last 1 years", "2023-01-01", "2023-12-31"),
    ],
)
def test_a_named_interval_is_whole_calendar_units(name, first, last):
    assert named_interval(name, date(2024, 2, 29)) == (date.fromisoformat(first), date.fromisoformat(last))


def test_what_is_not_known_yet_is_not_counted_and_a_period_that_begins_then_is_na_throughout():
    extract = world(
        client("a"),
        client("b", created="2018-03-20"),
        moved("a", "2018-03-14T23:59:59", "refill", "1"),
        moved("a", "2018-03-15", "refill", "10"),
    )

    rows = report(extract, asked(*FIRST_HALF, group_by=("month",)), as_of=at("2018-03-15"))

    assert line(rows, "Balance Refill", "Total") == ["N/A", "N/A", "1.00", "N/A", "N/A", "N/A"]
    assert line(rows, "Clients - All", "Qty") == ["1", "1", "1", "N/A", "N/A", "N/A"]
    assert all(row[5:] == ["N/A"] * 3 for row in rows[1:])
    at_its_start = report(extract, asked(*MARCH), as_of=at("2018-03-01"))
    assert all(row[2:] == ["N/A"] for row in at_its_start[1:])
