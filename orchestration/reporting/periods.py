"""An interval cut at calendar boundaries into periods (spec 3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.errors import RequestError
from orchestration.reporting.intervals import Boundary, Interval, add_months, boundary
from orchestration.reporting.parameters import ReportQuery, TimeGroup

MOST_PERIODS = 16_000
"""More columns than that no spreadsheet opens (16,384, less the text columns)."""

_LABELS = {"year": "%Y", "month": "%m/%Y", "date": "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Period:
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
    starts = [interval.start, *_boundaries_within(query, interval)]
    ends = [start.at for start in starts[1:]] + [interval.end.at]
    return tuple(
        Period(
            label=_label(query.time_group, start.wall),
            start=start.at,
            end=min(end, as_of),
            active_since=boundary(add_months(start.wall, -query.active_duration), query.zone).at,
            known=start.at < as_of,
        )
        for start, end in zip(starts, ends, strict=True)
    )


def _label(group: TimeGroup | None, wall: datetime) -> str:
    return wall.strftime(_LABELS[group]) if group else "Total"


def _boundaries_within(query: ReportQuery, interval: Interval) -> list[Boundary]:
    found = []
    for wall in _calendar(query.time_group, interval.start.wall):
        if wall >= interval.end.wall:
            break
        if len(found) >= MOST_PERIODS:
            raise RequestError(
                f"the interval has more than {MOST_PERIODS:,} periods: group by month or year, or ask a shorter one"
            )
        found.append(boundary(wall, query.zone))
    return found


def _calendar(group: TimeGroup | None, after: datetime) -> Iterator[datetime]:
    """Wall-clock starts of the calendar units that begin later than `after`."""
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while group:
        match group:
            case "date":
                midnight += timedelta(days=1)
            case "month":
                midnight = add_months(midnight.replace(day=1), 1)
            case "year":
                midnight = add_months(midnight.replace(month=1, day=1), 12)
        yield midnight
