"""Periods and boundaries in UTC days, which the daily marts have summed, and what is left beside them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from orchestration.reporting.periods import Period

_DAY = timedelta(days=1)

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
        first, after = _midnight(start + _DAY - timedelta(microseconds=1)), _midnight(end)
        if first >= after:
            rests.append((number, start, end))
            continue
        days.append((number, first.date(), after.date()))
        rests += [(number, a, b) for a, b in ((start, first), (after, end)) if a < b]
    return days, rests


class Strip(NamedTuple):
    """What lies between a boundary and a UTC midnight: [start, end), to be added (1) to the midnight's sums, or taken away."""

    midnight: datetime
    start: datetime
    end: datetime
    sign: int


def strip_to_midnight(boundary: datetime) -> Strip:
    """The strip between `boundary` (aware) and the UTC midnight nearest to it, empty when it is one."""
    before = _midnight(boundary.astimezone(UTC))
    if boundary - before <= _DAY / 2:
        return Strip(before, before, boundary, 1)
    return Strip(before + _DAY, boundary, before + _DAY, -1)


def by_utc_months(periods: Sequence[Period]) -> bool:
    """Whether every boundary that a cohort depends on is the first instant of a UTC month."""
    boundaries = {instant for period in periods for instant in (period.end, period.active_since)}
    return all(
        (instant.day, instant.hour, instant.minute, instant.second, instant.microsecond) == (1, 0, 0, 0, 0)
        for instant in (boundary.astimezone(UTC) for boundary in boundaries)
    )


def _midnight(instant: datetime) -> datetime:
    return datetime.combine(instant.date(), time(), UTC)
