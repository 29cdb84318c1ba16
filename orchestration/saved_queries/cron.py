"""Cron: which expressions are valid, and the scheduled moments of an expression.

Dagster is the authority for the moments, because its schedules and partitions use them and the
database stores them. `find_moments` therefore calls a private function of Dagster, whose version is
pinned. The tests compare the result with Dagster's partitions and with the rules below. croniter
only checks that an expression is valid.

- A cron with fixed hours (`30 2 * * *`) fires once on each local date. A time that a clock change
  skips fires at the instant of the change. A time that occurs twice fires at its second occurrence.
- A cron with `*` in the hour field (`*/30 * * * *`) follows elapsed time. It does not fire for
  skipped times, and fires twice for repeated times.

Interval boundaries follow another rule: a boundary at a time that occurs twice is the first
occurrence (see `orchestration.reporting.intervals`).
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestration.errors import RequestError
from orchestration.reporting.parameters import YEARS

EARLIEST_MOMENT = datetime(YEARS.start, 1, 1, tzinfo=UTC)
"""The earliest scheduled moment. Queries accept dates from the same year on."""
LATEST_MOMENT = datetime(YEARS.stop, 1, 1, tzinfo=UTC)

_FIELD = re.compile(r"(\d|[*,/#-]|[a-z]{3}|l)+", re.IGNORECASE)
_FIELD_COUNT = 5
_MAX_YEARS_BETWEEN = 5
_BEFORE_A_LEAP_YEAR = datetime(2023, 1, 1, tzinfo=UTC)
# The last span is nine years: around 1900 and 2100 there are eight years between two 29 February.
_LOOK_BACK = tuple(timedelta(days=days) for days in (1, 8, 32, 367, 9 * 366))


def check_cron(text: str) -> str:
    """Return the cron with single spaces.

    Raise ValueError unless it has five plain fields and fires within five years. Seconds, `@daily`
    and random or hashed fields are not valid.
    """
    from croniter import croniter

    fields = text.split()
    if (
        len(fields) != _FIELD_COUNT
        or not all(map(_FIELD.fullmatch, fields))
        or not croniter.is_valid(" ".join(fields))
    ):
        raise ValueError(
            f"{text!r} is not a valid cron of five fields (minute hour day month weekday): "
            "write it like '0 7 1 * *' for 07:00 on the first of each month"
        )
    # Cron joins day and weekday with "or". Dagster also requires that the day alone can fire.
    if not (_has_fire_time(fields) and _has_fire_time([*fields[:4], "*"])):
        raise ValueError(
            f"{text!r} never fires within {_MAX_YEARS_BETWEEN} years: no date has this day, month and weekday"
        )
    return " ".join(fields)


def require_moment_in_range(moment: datetime) -> None:
    """Raise RequestError for a moment before EARLIEST_MOMENT or not before LATEST_MOMENT."""
    if not EARLIEST_MOMENT <= moment < LATEST_MOMENT:
        raise RequestError(
            f"{moment.isoformat()} is out of range: use a moment from {EARLIEST_MOMENT:%Y-%m-%d} on "
            f"and before {LATEST_MOMENT:%Y-%m-%d}"
        )


def find_moments(cron: str, timezone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the scheduled instants in UTC with start <= moment < end, in order.

    `start` and `end` have a time zone.
    """
    from dagster._utils.schedules import cron_string_iterator

    # Dagster's iterator fails if it starts inside a clock change. No zone changes at noon.
    noon = datetime.combine(
        start.astimezone(ZoneInfo(timezone)) - timedelta(days=2), time(12), ZoneInfo(timezone)
    )
    for tick in cron_string_iterator(noon.timestamp(), cron, timezone):
        moment = tick.astimezone(UTC)
        if moment >= end:
            return
        if moment >= start:
            yield moment


def warm_up() -> None:
    """Import the module that computes moments, because the import is slow.

    A server calls this at its start, so that the first request does not wait.
    """
    import dagster._utils.schedules  # noqa: F401 - only the import is needed


def find_previous_moment(cron: str, timezone: str, at: datetime) -> datetime:
    """Return the latest scheduled instant in UTC that is not after `at`."""
    just_after = at + timedelta(microseconds=1)
    for span in _LOOK_BACK:
        for moment in reversed(list(find_moments(cron, timezone, at - span, just_after))):
            return moment
    raise ValueError(f"the cron {cron!r} did not fire in the nine years before {at.isoformat()}")


def _has_fire_time(fields: list[str]) -> bool:
    from croniter import CroniterBadDateError, croniter

    try:
        croniter(
            " ".join(fields), _BEFORE_A_LEAP_YEAR, max_years_between_matches=_MAX_YEARS_BETWEEN
        ).get_next()
    except CroniterBadDateError:
        return False
    return True
