"""The reference for periods (definition: Interval, Time zone, Periods)."""

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
    """The parameters of a query (definition: Parameters). Owners and packages are ids or names."""

    interval: str | tuple[date, date]  # a name, or from and to as dates, naive or aware datetimes
    timezone: str = "UTC"
    client_type: str = "client"
    client_tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    currency: str | None = None
    active_duration: int = 3


class Boundary(NamedTuple):
    """The start or end of a period: its instant and its wall-clock time.

    Boundaries are ordered by instant, then by wall-clock time. A clock change can skip two of them.
    """

    instant: datetime
    wall: datetime


@dataclass(frozen=True)
class Period:
    """A period. Active clients have a paid service from `active_from` to `end`."""

    label: str
    start: datetime
    end: datetime
    active_from: datetime
    is_known: bool


def wall_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the wall-clock time at an instant."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


@cache
def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant with this wall-clock time, or the clock change that skips it."""
    # For a repeated time, fold 0 is the first occurrence. For a skipped time, fold 1 gives an
    # instant before the clock change, and fold 0 an instant after it.
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    if wall_time(after, zone) == wall:
        return after
    while after - before > MICROSECOND:
        middle = before + (after - before) // 2
        before, after = (middle, after) if wall_time(middle, zone) < wall else (before, middle)
    return after


def resolve_interval(params: Params, now: datetime) -> tuple[Boundary, Boundary]:
    """Return the start of the interval, and its end, which is not in it."""
    zone = ZoneInfo(params.timezone)
    if isinstance(params.interval, str):
        first, last = named_interval(params.interval, wall_time(now, zone).date())
    else:
        first, last = params.interval
    start, end = boundary(first, zone), end_boundary(last, zone)
    if not start < end:
        raise ValueError(f"{first} is after {last}")
    return start, end


def boundary(moment: date, zone: ZoneInfo) -> Boundary:
    """Return the start of a date, or the boundary at a naive or aware datetime."""
    if isinstance(moment, datetime) and moment.tzinfo:
        return Boundary(moment.astimezone(UTC), wall_time(moment, zone))
    wall = moment.replace(fold=0) if isinstance(moment, datetime) else datetime.combine(moment, time.min)
    return Boundary(instant_of(wall, zone), wall)


def end_boundary(moment: date, zone: ZoneInfo) -> Boundary:
    """Return the end of `to`: of a date's whole day, or of a time's whole second."""
    if not isinstance(moment, datetime):
        return boundary(moment + DAY, zone)
    second = moment.replace(microsecond=0)
    if not moment.tzinfo:
        return boundary(second + SECOND, zone)
    return Boundary(second.astimezone(UTC) + SECOND, wall_time(second, zone) + SECOND)


def named_interval(name: str, today: date) -> tuple[date, date]:
    """Return the first and the last date of a named interval."""
    match {"today": "this day", "yesterday": "previous day"}.get(name, name).split():
        case ["this", unit]:
            first = unit_start(unit, today)
            return first, after_units(unit, first, 1) - DAY
        case ["previous", unit]:
            return named_interval(f"last 1 {unit}s", today)
        case ["last", count, units]:
            end = unit_start(units.removesuffix("s"), today)
            return after_units(units.removesuffix("s"), end, -int(count)), end - DAY
    raise ValueError(f"unknown interval {name}")


def unit_start(unit: str, day: date) -> date:
    """Return the first date of the calendar unit that contains a date."""
    if unit in MONTHS_IN:
        return day.replace(month=day.month - (day.month - 1) % MONTHS_IN[unit], day=1)
    return day - day.weekday() * DAY if unit == "week" else day


def after_units(unit: str, day: date, count: int) -> date:
    """Return the date `count` calendar units later."""
    return (
        after_months(day, count * MONTHS_IN[unit]) if unit in MONTHS_IN else day + count * DAYS_IN[unit] * DAY
    )


def after_months(when: When, count: int) -> When:
    """Return the same day `count` months later, at most the last day of that month."""
    year, month = divmod(when.year * 12 + when.month - 1 + count, 12)
    return when.replace(year=year, month=month + 1, day=min(when.day, monthrange(year, month + 1)[1]))


def time_group(params: Params) -> str | None:
    """Return the time group: year, month or date, or None."""
    return next((group for group in params.group_by if group in LABELS), None)


def cut_into_periods(params: Params, as_of: datetime, now: datetime) -> list[Period]:
    """Return the periods of the interval. No end is later than `as_of`."""
    zone = ZoneInfo(params.timezone)
    start, end = resolve_interval(params, now)

    def period(label: str, s: Boundary, e: Boundary) -> Period:
        active_from = instant_of(after_months(s.wall, -params.active_duration), zone)
        return Period(label, s.instant, min(e.instant, as_of), active_from, is_known=s.instant < as_of)

    group = time_group(params)
    if group is None:
        return [period("Total", start, end)]
    unit = "day" if group == "date" else group
    periods = []
    opening = unit_start(unit, start.wall.date())
    while boundary(opening, zone) < end:
        closing = after_units(unit, opening, 1)
        s, e = max(boundary(opening, zone), start), min(boundary(closing, zone), end)
        if s < e:
            periods.append(period(opening.strftime(LABELS[group]), s, e))
        opening = closing
    return periods
