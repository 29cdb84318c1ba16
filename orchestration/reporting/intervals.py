"""From what a user calls an interval to two instants (spec 2).

Wall-clock times become instants by one rule, here: a time that occurs twice is its first occurrence, one
that a clock change skips is the instant of the jump. Postgres and Python answer both cases otherwise, so no
boundary is ever computed in SQL.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orchestration.errors import RequestError
from orchestration.reporting.parameters import Between, ReportQuery

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_EARLIEST = datetime(1800, 1, 1)  # noqa: DTZ001 - a wall-clock time, made an instant by `boundary`


class Boundary(NamedTuple):
    """A point in time: the instant (UTC), and what a clock in the query's zone should show for it (naive).

    Of two boundaries in one jump of the clock, the earlier on the wall is the earlier.
    """

    at: datetime
    wall: datetime


@dataclass(frozen=True, slots=True)
class Interval:
    """[start, end): `end` is the first moment after the interval."""

    start: Boundary
    end: Boundary


def boundary(wall: datetime, zone: ZoneInfo) -> Boundary:
    """The instant of a naive wall-clock time in `zone`, by the rule above."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return Boundary(first, wall)
    # Skipped: fold 1 reads the time with the offset after the jump, so that its instant lies before the jump.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    while after - before > _MICROSECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return Boundary(after, wall)


def resolve_interval(query: ReportQuery, moment: datetime) -> Interval:
    """The interval of `query` as it is at `moment` (an aware instant: of the request, or the scheduled one).

    Raises RequestError when `from` is after `to`.
    """
    zone = query.zone
    if isinstance(query.interval, Between):
        start = _start(query.interval.from_, zone)
        end = _end(query.interval.to, zone)
        if start >= end:
            raise RequestError(f"from {query.interval.from_} is after to {query.interval.to}: swap them")
        return Interval(start, end)
    first, after = _named(query.interval, moment.astimezone(zone).date())
    return Interval(day_boundary(first, zone), day_boundary(after, zone))


def day_boundary(day: date, zone: ZoneInfo) -> Boundary:
    """Where a day begins in `zone`."""
    return boundary(_midnight(day), zone)


def unit_start(unit: str, day: date) -> date:
    """The first day of the calendar unit that `day` is in; weeks begin on Monday."""
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case _:
            return day.replace(month=1, day=1)


def shift(unit: str, first: date, count: int) -> date:
    """`count` calendar units after `first`, which begins one."""
    match unit:
        case "day" | "week":
            return first + timedelta(days=count * (7 if unit == "week" else 1))
        case _:
            return add_months(_midnight(first), count * {"month": 1, "quarter": 3, "year": 12}[unit]).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _start(moment: date | datetime, zone: ZoneInfo) -> Boundary:
    if not isinstance(moment, datetime):
        return day_boundary(moment, zone)
    if moment.tzinfo is None:
        return boundary(moment, zone)
    return Boundary(moment.astimezone(UTC), moment.astimezone(zone).replace(tzinfo=None, fold=0))


def _end(moment: date | datetime, zone: ZoneInfo) -> Boundary:
    if not isinstance(moment, datetime):
        return day_boundary(moment + _DAY, zone)
    return _start(moment.replace(microsecond=0) + _SECOND, zone)


def _named(name: str, today: date) -> tuple[date, date]:
    """The first day of a named interval and the day after its last."""
    words = name.split()
    if words[0] == "last":
        unit = words[2].removesuffix("s")
        current = unit_start(unit, today)
        return shift(unit, current, -int(words[1])), current
    if words[0] in ("today", "yesterday"):
        first = today if words[0] == "today" else today - _DAY
        return first, first + _DAY
    unit = words[1]
    current = unit_start(unit, today)
    if words[0] == "this":
        return current, shift(unit, current, 1)
    return shift(unit, current, -1), current


def add_months(wall: datetime, months: int) -> datetime:
    """`months` later (or earlier) on the calendar, the day clamped to the month's last (spec 5).

    Earlier than 1800 is 1800: nothing was billed before.
    """
    index = wall.year * 12 + wall.month - 1 + months
    if index < _EARLIEST.year * 12:
        return _EARLIEST
    year, month = divmod(index, 12)
    _, days = monthrange(year, month + 1)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, days))
