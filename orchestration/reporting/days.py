"""Periods and boundaries in UTC days and months, which the marts have summed, and what is left beside them."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from orchestration.reporting.periods import Period

_DAY = timedelta(days=1)
_A_MONTH_AND_MORE = timedelta(days=32)

Unit = Callable[[datetime], datetime]
"""The instant at which the UTC day, or month, of an instant began."""


def utc_day(instant: datetime) -> datetime:
    """The midnight before an instant, or at it."""
    return datetime.combine(instant.astimezone(UTC).date(), time(), UTC)


def utc_month(instant: datetime) -> datetime:
    """The first midnight of an instant's month."""
    return utc_day(instant).replace(day=1)


Days = list[tuple[int, date, date]]
"""Number of the period (from 1), its first whole UTC day, the day after its last."""
Rests = list[tuple[int, datetime, datetime]]
"""Number of the period (from 1), and an instant range [from, to) of it that is no whole UTC day."""


def whole_days_and_rests(periods: Sequence[Period]) -> tuple[Days, Rests]:
    """Both parts of every period: together they cover it exactly once."""
    days: Days = []
    rests: Rests = []
    for number, period in enumerate(periods, start=1):
        start, end = period.start.astimezone(UTC), period.end.astimezone(UTC)
        first, after = utc_day(start + _DAY - timedelta(microseconds=1)), utc_day(end)
        if first >= after:
            rests.append((number, start, end))
            continue
        days.append((number, first.date(), after.date()))
        rests += [(number, a, b) for a, b in ((start, first), (after, end)) if a < b]
    return days, rests


class Strip(NamedTuple):
    """What lies between a boundary and the begin of a UTC day or month: [start, end), to be added (1) or taken away (-1)."""

    begin: datetime
    start: datetime
    end: datetime
    sign: int

    @property
    def length(self) -> timedelta:
        """How much of the facts must be read."""
        return self.end - self.start


def strip_beside(boundary: datetime, unit: Unit) -> Strip:
    """The strip between `boundary` (aware) and the nearest beginning of a UTC day or month, empty when it is one."""
    boundary = boundary.astimezone(UTC)
    before = unit(boundary)
    after = unit(before + (_DAY if unit is utc_day else _A_MONTH_AND_MORE))
    if boundary - before <= after - boundary:
        return Strip(before, before, boundary, 1)
    return Strip(after, boundary, after, -1)


def by_utc_months(periods: Sequence[Period]) -> bool:
    """Whether every boundary is the first instant of a UTC month, and every end of an active duration."""
    boundaries = {
        instant for period in periods for instant in (period.start, period.end, period.active_since)
    }
    return all(utc_month(instant) == instant for instant in boundaries)


def near_utc_months(periods: Sequence[Period]) -> bool:
    """Whether the periods are made of UTC months but for less than a quarter of their time."""
    boundaries = {instant for period in periods for instant in (period.start, period.end)}
    beside = sum((strip_beside(instant, utc_month).length for instant in boundaries), timedelta())
    return beside < sum((period.end - period.start for period in periods), timedelta()) / 4
