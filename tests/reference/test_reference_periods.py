"""Periods of the reference in time zones with clock changes, computed by hand."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from builders import (
    FIRST_HALF,
    LATER,
    MARCH,
    client,
    compute_rows,
    make_extract,
    make_params,
    row_values,
    transaction,
    utc,
)
from periods import cut_into_periods, instant_of, named_interval


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        (
            "2018-03-11T00:00",
            "America/Havana",
            "2018-03-11T05:00",
        ),  # skipped: 00:00 UTC-5 becomes 01:00 UTC-4
        ("2018-03-11T00:30", "America/Havana", "2018-03-11T05:00"),  # every skipped time is the clock change
        ("2018-11-04T00:00", "America/Havana", "2018-11-04T04:00"),  # twice: the first is UTC-4
        (
            "2011-12-30T00:00",
            "Pacific/Apia",
            "2011-12-30T10:00",
        ),  # the whole day is skipped: UTC-10 becomes UTC+14
        ("2011-12-30T23:59:59", "Pacific/Apia", "2011-12-30T10:00"),
        ("2010-11-06T23:30", "America/St_Johns", "2010-11-07T02:00"),  # twice: the first is UTC-2:30
        ("2018-04-01T00:00", "Asia/Kathmandu", "2018-03-31T18:15"),
        ("2018-04-01T01:45", "Australia/Lord_Howe", "2018-03-31T14:45"),  # twice, half an hour apart
    ],
)
def test_ambiguous_and_skipped_wall_clock_times(wall, zone, instant):
    assert instant_of(datetime.fromisoformat(wall), ZoneInfo(zone)) == utc(instant)


def test_a_skipped_day_is_a_column_without_flows():
    # The refill is at the clock change, which is the first instant of 31 December.
    extract = make_extract(
        client("a", created="2010-01-01"), transaction("a", "2011-12-30T10:00", "refill", "5")
    )
    params = make_params(date(2011, 12, 29), date(2011, 12, 31), timezone="Pacific/Apia", group_by=("date",))

    rows = compute_rows(extract, params)

    assert rows[0][2:] == ["2011-12-29", "2011-12-30", "2011-12-31"]
    assert row_values(rows, "Balance Refill", "Total") == ["N/A", "N/A", "5.00"]
    assert row_values(rows, "Clients - All", "Balance") == ["0.00", "0.00", "5.00"]


def test_a_repeated_hour_before_midnight_is_the_next_day():
    # St John's had midnight at 02:30Z, and 23:01 again one minute later. The first midnight counts.
    extract = make_extract(
        client("a", created="2010-01-01"),
        transaction("a", "2010-11-07T02:29:59.999999", "refill", "1"),
        transaction("a", "2010-11-07T02:45", "refill", "10"),
    )
    days = make_params(date(2010, 11, 6), date(2010, 11, 7), timezone="America/St_Johns", group_by=("date",))

    assert row_values(compute_rows(extract, days), "Balance Refill", "Total") == ["1.00", "10.00"]


def test_to_includes_its_whole_day_or_second():
    extract = make_extract(
        client("a"),
        transaction("a", "2018-03-31T23:59:59.999999", "refill", "1"),
        transaction("a", "2018-04-01T00:00:00", "refill", "10"),
    )
    second = datetime(2018, 3, 31, 23, 59, 59)

    for to in (date(2018, 3, 31), second, second.replace(microsecond=5), second.replace(tzinfo=UTC)):
        assert row_values(
            compute_rows(extract, make_params(date(2018, 3, 1), to)), "Balance Refill", "Total"
        ) == ["1.00"]


def test_the_first_and_last_periods_are_clipped():
    params = make_params(date(2017, 12, 31), datetime(2019, 1, 1, tzinfo=UTC), group_by=("year",))

    periods = cut_into_periods(params, LATER, LATER)

    assert [(p.label, p.start, p.end) for p in periods] == [
        ("2017", utc("2017-12-31"), utc("2018-01-01")),
        ("2018", utc("2018-01-01"), utc("2019-01-01")),
        ("2019", utc("2019-01-01"), utc("2019-01-01T00:00:01")),
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
def test_named_intervals_are_whole_calendar_units(name, first, last):
    assert named_interval(name, date(2024, 2, 29)) == (date.fromisoformat(first), date.fromisoformat(last))


def test_periods_from_as_of_on_are_na():
    extract = make_extract(
        client("a"),
        client("b", created="2018-03-20"),
        transaction("a", "2018-03-14T23:59:59", "refill", "1"),
        transaction("a", "2018-03-15", "refill", "10"),
    )

    rows = compute_rows(extract, make_params(*FIRST_HALF, group_by=("month",)), as_of=utc("2018-03-15"))

    assert row_values(rows, "Balance Refill", "Total") == ["N/A", "N/A", "1.00", "N/A", "N/A", "N/A"]
    assert row_values(rows, "Clients - All", "Qty") == ["1", "1", "1", "N/A", "N/A", "N/A"]
    assert all(row[5:] == ["N/A"] * 3 for row in rows[1:])
    at_its_start = compute_rows(extract, make_params(*MARCH), as_of=utc("2018-03-01"))
    assert all(row[2:] == ["N/A"] for row in at_its_start[1:])
