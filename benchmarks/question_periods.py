"""The periods of a question as microseconds since 1970, computed without the product.

A boundary is a wall-clock time in a zone. If it occurs twice, it is the first occurrence. If it is
skipped, it is the instant of the jump.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from benchmarks.random_questions import Question

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Periods:
    """The known periods of a report. Period n is [boundaries[n], boundaries[n + 1])."""

    boundaries: list[int]
    active_since: list[int]
    """The first instant of the active window of each period."""
    unknown: int
    """The number of periods that begin at or after the end of the data."""

    @property
    def count(self) -> int:
        """The number of known periods."""
        return len(self.active_since)

    @property
    def first_end(self) -> int:
        """The end of the first period."""
        return self.boundaries[1]

    @property
    def last_end(self) -> int:
        """The end of the last period."""
        return self.boundaries[-1]

    @property
    def closing_days(self) -> list[int]:
        """The UTC day of the last microsecond of each period, in days since 1970."""
        return [(end - 1) // 86_400_000_000 for end in self.boundaries[1:]]


def periods_of(question: Question, as_of: datetime) -> Periods:
    """Cut the interval of the question at calendar boundaries; the data is known up to `as_of`."""
    zone = ZoneInfo(question.zone)
    start, start_wall = _point(question.first, zone)
    end = _end(question.last, zone)
    starts: list[tuple[int, datetime]] = []
    if question.time_group:
        opening = _opening(question.time_group, start_wall.date())
        while (at := _instant(_midnight(opening), zone)) < end:
            closing = _next(question.time_group, opening)
            # A period that a jump of the clock leaves empty does not exist.
            if max(at, start) < min(_instant(_midnight(closing), zone), end):
                starts.append((at, _midnight(opening)) if at > start else (start, start_wall))
            opening = closing
    else:
        starts.append((start, start_wall))
    known_until = microseconds(as_of)
    known = [start for start in starts if start[0] < known_until]
    return Periods(
        boundaries=[at for at, _ in known]
        + [min(([at for at, _ in starts] + [end])[len(known)], known_until)],
        active_since=[_instant(_earlier(wall, question.duration), zone) for _, wall in known],
        unknown=len(starts) - len(known),
    )


def microseconds(instant: datetime) -> int:
    """Return the microseconds since 1970 of an aware instant."""
    return (instant - _EPOCH) // _MICROSECOND


def _point(moment: date, zone: ZoneInfo) -> tuple[int, datetime]:
    """Return the start of a date or a time as an instant and as a wall-clock time."""
    if isinstance(moment, datetime) and moment.tzinfo:
        return microseconds(moment), moment.astimezone(zone).replace(tzinfo=None, fold=0)
    wall = moment if isinstance(moment, datetime) else _midnight(moment)
    return _instant(wall, zone), wall


def _end(moment: date, zone: ZoneInfo) -> int:
    """Return the end of an inclusive date or time: the next day, or the next second."""
    if isinstance(moment, datetime):
        return _point(moment.replace(microsecond=0) + _SECOND, zone)[0]
    return _point(moment + _DAY, zone)[0]


def _instant(wall: datetime, zone: ZoneInfo) -> int:
    instant = microseconds(wall.replace(tzinfo=zone, fold=0).astimezone(UTC))
    if _wall_time(instant, zone) == wall:
        return instant
    # The time is skipped. Fold 1 takes the offset after the jump, which gives an instant before it.
    before = microseconds(wall.replace(tzinfo=zone, fold=1).astimezone(UTC))
    while instant - before > 1:
        middle = (before + instant) // 2
        if _wall_time(middle, zone) < wall:
            before = middle
        else:
            instant = middle
    return instant


def _wall_time(instant: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone).replace(tzinfo=None, fold=0)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _opening(unit: str, day: date) -> date:
    return {"date": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[unit]


def _next(unit: str, opening: date) -> date:
    if unit == "date":
        return opening + _DAY
    months = opening.year * 12 + opening.month - 1 + (1 if unit == "month" else 12)
    return date(months // 12, months % 12 + 1, 1)


def _earlier(wall: datetime, months: int) -> datetime:
    year, month = divmod(wall.year * 12 + wall.month - 1 - months, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))
