"""Periods as whole UTC days, which the daily mart has summed, and the strips that are left at their ends."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from orchestration.reporting.periods import Period

_DAY = timedelta(days=1)

Days = list[tuple[int, date, date]]
"""Number of the period (from 1), its first whole UTC day, the day after its last."""
Strips = list[tuple[int, datetime, datetime]]
"""Number of the period (from 1), and an instant range [from, to) of it that is no whole UTC day."""


def whole_days_and_strips(periods: Sequence[Period]) -> tuple[Days, Strips]:
    """Both parts of every period: together they cover it exactly once."""
    days: Days = []
    strips: Strips = []
    for number, period in enumerate(periods, start=1):
        start, end = period.start.astimezone(UTC), period.end.astimezone(UTC)
        first, after = _midnight(start + _DAY - timedelta(microseconds=1)), _midnight(end)
        if first >= after:
            strips.append((number, start, end))
            continue
        days.append((number, first.date(), after.date()))
        strips += [(number, a, b) for a, b in ((start, first), (after, end)) if a < b]
    return days, strips


def _midnight(instant: datetime) -> datetime:
    return datetime.combine(instant.date(), time(), UTC)
