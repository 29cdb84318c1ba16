"""An interval cut at calendar boundaries into periods (spec 3)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.intervals import (
    Boundary,
    Interval,
    add_months,
    boundary,
    day_boundary,
    shift,
    unit_start,
)
from orchestration.reporting.parameters import ReportQuery

MOST_PERIODS = 16_000
"""More columns than that no spreadsheet opens (16,384, less the text columns)."""

_UNITS = {"year": ("year", "%Y"), "month": ("month", "%m/%Y"), "date": ("day", "%Y-%m-%d")}
"""A time group's calendar unit, and how its periods are labelled."""


class Period(NamedTuple):
    """[start, end) with its label. `end` is never later than `as_of`, up to which the data is known."""

    label: str
    start: datetime
    end: datetime
    active_since: datetime
    """A paid service from this instant on (and before `end`) makes a client active: start less N months."""
    known: bool
    """False for a period that begins at or after `as_of`: it has nothing to say."""


def cut(query: ReportQuery, interval: Interval, as_of: datetime) -> tuple[Period, ...]:
    """The periods of `interval`, in order. Raises RequestError when they are more than any sheet can show."""
    return tuple(
        Period(
            label=label,
            start=start.at,
            end=min(end.at, as_of),
            active_since=boundary(add_months(start.wall, -query.active_duration), query.zone).at,
            known=start.at < as_of,
        )
        for label, start, end in _clipped(query, interval)
    )


def _clipped(query: ReportQuery, interval: Interval) -> Iterator[tuple[str, Boundary, Boundary]]:
    """Label and ends of each period: the calendar's units, the first and the last clipped to the interval."""
    if query.time_group is None:
        yield "Total", interval.start, interval.end
        return
    unit, label = _UNITS[query.time_group]
    opening = unit_start(unit, interval.start.wall.date())
    opened = day_boundary(opening, query.zone)
    for _ in range(MOST_PERIODS):
        closing = shift(unit, opening, 1)
        closed = day_boundary(closing, query.zone)
        start, end = max(opened, interval.start), min(closed, interval.end)
        # Where a clock falls back over midnight, an interval can begin after the day that its clock shows.
        if start < end:
            yield opening.strftime(label), start, end
        if end == interval.end:
            return
        opening, opened = closing, closed
    raise RequestError(
        f"the interval has more than {MOST_PERIODS:,} periods: group by month or year, or ask for a shorter one"
    )
