"""Intervals: from the words of a user to two instants (definition: Interval).

One rule turns a wall-clock time into an instant (definition: Time zone). A time that occurs twice
is its first occurrence. A time that a clock change skips is the instant of the change. Postgres and
Python resolve both cases differently, so no boundary is computed in SQL. Schedules take the second
occurrence instead, because Dagster does (`orchestration/saved_queries/cron.py`).
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
_EARLIEST = datetime(1800, 1, 1)  # noqa: DTZ001 - a wall-clock time, which `boundary_of` makes an instant


class Boundary(NamedTuple):
    """The start or end of a period: its instant in UTC, and its naive wall-clock time.

    Boundaries are ordered by instant. Two boundaries can have the same instant when a clock change
    skips both wall-clock times. The earlier wall-clock time then comes first.
    """

    instant: datetime
    wall_time: datetime


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval from `start`, included, to `end`, excluded."""

    start: Boundary
    end: Boundary


def boundary_of(wall_time: datetime, zone: ZoneInfo) -> Boundary:
    """Return the boundary at a naive wall-clock time in `zone`, by the rule of this module."""
    first = wall_time.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall_time:
        return Boundary(first, wall_time)
    # The time is skipped. With fold 1 Python uses the offset after the change, which gives an
    # instant before the change. The change lies between both instants.
    before, after = wall_time.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    while after - before > _MICROSECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall_time:
            before = middle
        else:
            after = middle
    return Boundary(after, wall_time)


def resolve_interval(query: ReportQuery, moment: datetime) -> Interval:
    """Return the interval of `query`.

    `moment` is the aware instant for which a named interval is resolved. Raise RequestError when
    `from` is after `to`.
    """
    zone = query.zone
    if isinstance(query.interval, Between):
        start = _resolve_from(query.interval.from_, zone)
        end = _resolve_to(query.interval.to, zone)
        if start >= end:
            raise RequestError(f"from {query.interval.from_} is after to {query.interval.to}: swap them")
        return Interval(start, end)
    first, after = _resolve_name(query.interval, moment.astimezone(zone).date())
    return Interval(day_boundary(first, zone), day_boundary(after, zone))


def day_boundary(day: date, zone: ZoneInfo) -> Boundary:
    """Return the start of a day in `zone`."""
    return boundary_of(_midnight(day), zone)


def find_unit_start(unit: str, day: date) -> date:
    """Return the first day of the calendar unit that contains `day`. Weeks begin on Monday."""
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


def shift_units(unit: str, first: date, count: int) -> date:
    """Return the first day of the unit `count` units after the unit that begins on `first`."""
    match unit:
        case "day" | "week":
            return first + timedelta(days=count * (7 if unit == "week" else 1))
        case _:
            return add_months(_midnight(first), count * {"month": 1, "quarter": 3, "year": 12}[unit]).date()


def add_months(wall_time: datetime, months: int) -> datetime:
    """Return the same day and time `months` later, or earlier if negative.

    A day that the month does not have becomes the month's last day (definition: Active duration).
    The result is never before 1800, because no transaction is.
    """
    index = wall_time.year * 12 + wall_time.month - 1 + months
    if index < _EARLIEST.year * 12:
        return _EARLIEST
    year, month = divmod(index, 12)
    _, days = monthrange(year, month + 1)
    return wall_time.replace(year=year, month=month + 1, day=min(wall_time.day, days))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _resolve_from(moment: date | datetime, zone: ZoneInfo) -> Boundary:
    """Return the start of a day, or the boundary at a wall-clock time or an aware instant."""
    if not isinstance(moment, datetime):
        return day_boundary(moment, zone)
    if moment.tzinfo is None:
        return boundary_of(moment, zone)
    return Boundary(moment.astimezone(UTC), moment.astimezone(zone).replace(tzinfo=None, fold=0))


def _resolve_to(moment: date | datetime, zone: ZoneInfo) -> Boundary:
    """Return the end of a day, or of the second that contains a time."""
    if not isinstance(moment, datetime):
        return day_boundary(moment + _DAY, zone)
    return _resolve_from(moment.replace(microsecond=0) + _SECOND, zone)


def _resolve_name(name: str, today: date) -> tuple[date, date]:
    """Return the first day of a named interval and the day after its last."""
    words = name.split()
    if words[0] == "last":
        unit = words[2].removesuffix("s")
        current = find_unit_start(unit, today)
        return shift_units(unit, current, -int(words[1])), current
    if words[0] in ("today", "yesterday"):
        first = today if words[0] == "today" else today - _DAY
        return first, first + _DAY
    unit = words[1]
    current = find_unit_start(unit, today)
    if words[0] == "this":
        return current, shift_units(unit, current, 1)
    return shift_units(unit, current, -1), current
