"""When a schedule fires: which crons are allowed, and their moments as Dagster counts them.

The moments are Dagster's own, because its schedules and partitions tick by them and the ledger is keyed by them:
- a cron with fixed hours (`30 2 * * *`) fires once a local date: a time that a clock change skips fires at the
  instant of the jump, one that occurs twice at its second occurrence;
- a cron of every hour (`*/30 * * * *`) follows elapsed time: nothing for skipped times, twice for repeated ones.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_FIELD = re.compile(r"(\d|[*,/#-]|[a-z]{3}|l)+", re.IGNORECASE)
_FIELDS = 5
_YEARS = 5
_ANY_LEAP_YEAR_INSIDE = datetime(2023, 1, 1, tzinfo=UTC)
# Nine years: around 1900 and 2100, 29 February is eight years after the one before.
_LOOK_BACK = tuple(timedelta(days=days) for days in (1, 8, 32, 367, 9 * 366))


def check_cron(text: str) -> str:
    """The cron with single spaces. Raises ValueError unless it has five plain fields and fires within five years.

    Plain: no seconds, no `@daily`, no random or hashed fields, which would fire elsewhere after every start.
    """
    from croniter import croniter

    fields = text.split()
    if (
        len(fields) != _FIELDS
        or not all(map(_FIELD.fullmatch, fields))
        or not croniter.is_valid(" ".join(fields))
    ):
        raise ValueError(
            f"{text!r} is no cron of five fields (minute hour day month weekday), such as '0 7 1 * *' for 07:00 "
            "on the first of each month"
        )
    # A weekday beside a day means "or" in cron: without it, day and month must meet too (Dagster asks the same).
    if not (_fires(fields) and _fires([*fields[:4], "*"])):
        raise ValueError(f"{text!r} never fires within {_YEARS} years: day, month and weekday do not meet")
    return " ".join(fields)


def moments(cron: str, timezone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The scheduled instants (UTC) with start <= moment < end, in order; `start` and `end` are aware."""
    from dagster._utils.schedules import cron_string_iterator

    # Dagster's iterator stumbles when it begins inside a clock change: begin at a noon before, where none is.
    noon = datetime.combine(
        start.astimezone(ZoneInfo(timezone)) - timedelta(days=2), time(12), ZoneInfo(timezone)
    )
    for tick in cron_string_iterator(noon.timestamp(), cron, timezone):
        moment = tick.astimezone(UTC)
        if moment >= end:
            return
        if moment >= start:
            yield moment


def make_ready() -> None:
    """Imports what moments are counted with: two seconds that a server takes before somebody waits for them."""
    import dagster._utils.schedules  # noqa: F401 - only to have it


def previous_moment(cron: str, timezone: str, at: datetime) -> datetime:
    """The latest scheduled instant (UTC) that is not after `at` (aware)."""
    just_after = at + timedelta(microseconds=1)
    for span in _LOOK_BACK:
        for moment in reversed(list(moments(cron, timezone, at - span, just_after))):
            return moment
    raise ValueError(f"the cron {cron!r} did not fire in the nine years before {at.isoformat()}")


def _fires(fields: list[str]) -> bool:
    from croniter import CroniterBadDateError, croniter

    try:
        croniter(" ".join(fields), _ANY_LEAP_YEAR_INSIDE, max_years_between_matches=_YEARS).get_next()
    except CroniterBadDateError:
        return False
    return True
