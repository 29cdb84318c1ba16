"""The periods of a query, computed a second time: from an interval to the instants of spec 2 and 3."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

DAY, SECOND, MICROSECOND = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)
MONTHS_IN = {"year": 12, "quarter": 3, "month": 1}
DAYS_IN = {"week": 7, "day": 1}
LABELS = {"year": "%Y", "month": "%m/%Y", "date": "%Y-%m-%d"}
When = TypeVar("When", bound=date)


@dataclass(frozen=True)
class Params:
    """The parameters of a query (spec 2). Owners and packages are ids or names."""

    interval: str | tuple[date, date]  # a name, or from and to: each a date, a naive or an aware datetime
    timezone: str = "UTC"
    client_type: str = "client"
    client_tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    currency: str | None = None
    active_duration: int = 3


class Boundary(NamedTuple):
    """Where a period begins or ends: the instant, and the time that a clock on the wall should show for it.

    Compared by instant first: of two boundaries in one jump of the clock, the earlier on the wall comes first.
    """

    instant: datetime
    wall: datetime


@dataclass(frozen=True)
class Period:
    """`[start, end)`; its active clients have a paid service in `[active_from, end)`."""

    label: str
    start: datetime
    end: datetime
    active_from: datetime
    known: bool


def shown(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return what a clock on the wall shows at an instant."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


@cache
def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which the wall clock shows this time; if it is skipped, that of the jump."""
    # In a repeated time fold 0 is the first; around a skipped one fold 1 is before the jump and fold 0 after it.
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    if shown(after, zone) == wall:
        return after
    while after - before > MICROSECOND:
        middle = before + (after - before) // 2
        before, after = (middle, after) if shown(middle, zone) < wall else (before, middle)
    return after


def asked_interval(params: Params, now: datetime) -> tuple[Boundary, Boundary]:
    """Return where the interval begins and, exclusively, ends."""
    zone = ZoneInfo(params.timezone)
    if isinstance(params.interval, str):
        first, last = named_interval(params.interval, shown(now, zone).date())
    else:
        first, last = params.interval
    start, end = boundary(first, zone), end_boundary(last, zone)
    if not start < end:
        raise ValueError(f"{first} is after {last}")
    return start, end


def boundary(asked: date, zone: ZoneInfo) -> Boundary:
    """Return where a date, a wall-clock time (naive) or an instant (aware) begins."""
    if isinstance(asked, datetime) and asked.tzinfo:
        return Boundary(asked.astimezone(UTC), shown(asked, zone))
    wall = asked.replace(fold=0) if isinstance(asked, datetime) else datetime.combine(asked, time.min)
    return Boundary(instant_of(wall, zone), wall)


def end_boundary(asked: date, zone: ZoneInfo) -> Boundary:
    """Return where an inclusive `to` is over: a date's whole day, a time's whole second."""
    if not isinstance(asked, datetime):
        return boundary(asked + DAY, zone)
    second = asked.replace(microsecond=0)
    if not asked.tzinfo:
        return boundary(second + SECOND, zone)
    return Boundary(second.astimezone(UTC) + SECOND, shown(second, zone) + SECOND)


def named_interval(name: str, today: date) -> tuple[date, date]:
    """Return the first and the last date of an interval that has a name."""
    match {"today": "this day", "yesterday": "previous day"}.get(name, name).split():
        case ["this", unit]:
            first = opening_of(unit, today)
            return first, after_units(unit, first, 1) - DAY
        case ["previous", unit]:
            return named_interval(f"last 1 {unit}s", today)
        case ["last", count, units]:
            end = opening_of(units.removesuffix("s"), today)
            return after_units(units.removesuffix("s"), end, -int(count)), end - DAY
    raise ValueError(f"no interval is called {name}")


def opening_of(unit: str, day: date) -> date:
    """Return the first date of the calendar unit that a date is in."""
    if unit in MONTHS_IN:
        return day.replace(month=day.month - (day.month - 1) % MONTHS_IN[unit], day=1)
    return day - day.weekday() * DAY if unit == "week" else day


def after_units(unit: str, day: date, count: int) -> date:
    """Return the date that is so many calendar units later."""
    return (
        after_months(day, count * MONTHS_IN[unit]) if unit in MONTHS_IN else day + count * DAYS_IN[unit] * DAY
    )


def after_months(when: When, count: int) -> When:
    """Return the same day and time so many months later, the day clamped to the month's last."""
    year, month = divmod(when.year * 12 + when.month - 1 + count, 12)
    return when.replace(year=year, month=month + 1, day=min(when.day, monthrange(year, month + 1)[1]))


def time_group(params: Params) -> str | None:
    """Return the one of year, month and date that is grouped by, if any."""
    return next((group for group in params.group_by if group in LABELS), None)


def cut_into_periods(params: Params, as_of: datetime, now: datetime) -> list[Period]:
    """Cut the interval at calendar boundaries; an end is never later than `as_of`."""
    zone = ZoneInfo(params.timezone)
    start, end = asked_interval(params, now)

    def period(label: str, s: Boundary, e: Boundary) -> Period:
        active_from = instant_of(after_months(s.wall, -params.active_duration), zone)
        return Period(label, s.instant, min(e.instant, as_of), active_from, known=s.instant < as_of)

    group = time_group(params)
    if group is None:
        return [period("Total", start, end)]
    unit = "day" if group == "date" else group
    periods = []
    opening = opening_of(unit, start.wall.date())
    while boundary(opening, zone) < end:
        closing = after_units(unit, opening, 1)
        s, e = max(boundary(opening, zone), start), min(boundary(closing, zone), end)
        if s < e:
            periods.append(period(opening.strftime(LABELS[group]), s, e))
        opening = closing
    return periods
