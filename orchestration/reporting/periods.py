"""Periods: an interval cut at calendar boundaries (definition: Periods)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.intervals import (
    Boundary,
    Interval,
    add_months,
    boundary_of,
    day_boundary,
    find_unit_start,
    shift_units,
)
from orchestration.reporting.parameters import ReportQuery

MAX_PERIODS = 16_000
"""The columns of a spreadsheet (16,384), less a reserve for text columns."""

_UNITS = {"year": ("year", "%Y"), "month": ("month", "%m/%Y"), "date": ("day", "%Y-%m-%d")}
"""The calendar unit of each time group, and the format of its labels."""


class Period(NamedTuple):
    """A period from `start`, included, to `end`, excluded. `end` is never later than `as_of`."""

    label: str
    start: datetime
    end: datetime
    active_since: datetime
    """The start minus the active duration (definition: Active duration)."""
    is_known: bool
    """False if the period starts at or after `as_of`: there is no data for it yet."""


def list_periods(query: ReportQuery, interval: Interval, as_of: datetime) -> tuple[Period, ...]:
    """Return the periods of `interval` in order.

    Raise RequestError when there are more of them than a spreadsheet has columns.
    """
    return tuple(
        Period(
            label=label,
            start=start.instant,
            end=min(end.instant, as_of),
            active_since=boundary_of(add_months(start.wall_time, -query.active_duration), query.zone).instant,
            is_known=start.instant < as_of,
        )
        for label, start, end in _cut_interval(query, interval)
    )


def _cut_interval(query: ReportQuery, interval: Interval) -> Iterator[tuple[str, Boundary, Boundary]]:
    """Yield the label, start and end of each calendar unit, clipped to the interval."""
    if query.time_group is None:
        yield "Total", interval.start, interval.end
        return
    unit, label_format = _UNITS[query.time_group]
    first_day = find_unit_start(unit, interval.start.wall_time.date())
    unit_begin = day_boundary(first_day, query.zone)
    for _ in range(MAX_PERIODS):
        next_first_day = shift_units(unit, first_day, 1)
        unit_end = day_boundary(next_first_day, query.zone)
        start, end = max(unit_begin, interval.start), min(unit_end, interval.end)
        # Where a clock is set back over midnight, an interval can start after the end of its date.
        if start < end:
            yield first_day.strftime(label_format), start, end
        if end == interval.end:
            return
        first_day, unit_begin = next_first_day, unit_end
    raise RequestError(
        f"the interval has more than {MAX_PERIODS:,} periods: group by month or year, or use a shorter one"
    )
