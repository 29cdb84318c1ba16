"""Random questions over all parameters of a report, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks import skewed_clients as base
from benchmarks.question_periods import periods_of

MAX_CELLS = 60_000
"""The limit of groups times periods of a question."""
ZONES = (
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/New_York",
    "Europe/Kyiv",
    "Europe/London",
    "America/St_Johns",
    "Pacific/Chatham",
    "Asia/Tokyo",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "America/Havana",
    "Europe/Warsaw",
)
"""The zones in addition to UTC. Clocks jump over midnight in Cairo and Havana."""
_DAYS = (base.AS_OF.date() - base.START.date()).days


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of a report. Owners and packages are ids; an empty value filters nothing."""

    first: date
    """A date, a wall-clock time or an aware time; `last` is inclusive."""
    last: date
    name: str = ""
    """The name of the interval, if the question uses one. `first` and `last` have its meaning."""
    zone: str = "UTC"
    client_type: str = "client"
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    time_group: str = ""
    by_package: bool = False
    currency: str = ""
    duration: int = 3

    def parameters(self) -> dict[str, Any]:
        """Return the question as the values of a report query."""
        between = {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return {
            "interval": self.name or between,
            "timezone": self.zone,
            "client_type": self.client_type,
            "client_tags": list(self.tags),
            "owners": list(self.owners),
            "packages": list(self.packages),
            "group_by": [*filter(None, [self.time_group]), *(["package_name"] if self.by_package else [])],
            "currency": self.currency or None,
            "active_duration": self.duration,
        }

    def describe(self) -> str:
        """Return a description in one line."""
        group = "+".join([*filter(None, [self.time_group]), *(["package"] if self.by_package else [])])
        filters = [*self.tags, *self.owners, *self.packages]
        interval = self.name or f"{self.first.isoformat()}..{self.last.isoformat()}"
        parts = [interval, self.zone, f"by {group}" if group else "", self.client_type, *filters]
        return ", ".join(filter(None, [*parts, self.currency, f"active {self.duration}"]))


def random_questions(count: int, seed: int, transactions: int, max_cells: int = MAX_CELLS) -> list[Question]:
    """Return random questions for the skewed data of that many transactions."""
    rng = Random(seed)  # noqa: S311 - not a secret
    questions: list[Question] = []
    while len(questions) < count:
        question = _question(rng, transactions)
        groups = (len(question.packages) or base.PACKAGES + 1) if question.by_package else 1
        periods = periods_of(question, base.AS_OF)
        if periods.count and groups * (periods.count + periods.unknown) <= max_cells:
            questions.append(question)
    return questions


def _question(rng: Random, transactions: int) -> Question:
    zone = "UTC" if rng.random() < 0.35 else rng.choice(ZONES)
    name, first, last = _interval(rng, ZoneInfo(zone))
    tags = [base.tag_name(number) for number in range(base.tag_count(transactions))]
    owners = [base.client_id(number) for number in range(base.reseller_count(transactions))]
    packages = [base.package_id(number) for number in range(base.PACKAGES)]
    # Three in ten questions are about all clients of a type.
    plain = rng.random() < 0.3
    return Question(
        first=first,
        last=last,
        name=name,
        zone=zone,
        client_type=rng.choices(base.CLIENT_TYPES, (60, 10, 18, 12))[0],
        tags=() if plain else _some(rng, tags, tags[:8]),
        owners=() if plain else _some(rng, owners, owners[:5]),
        packages=() if plain else _some(rng, packages, packages[:4]),
        time_group=rng.choices(("", "year", "month", "date"), (28, 8, 34, 30))[0],
        by_package=rng.random() < 0.35,
        currency=rng.choice(("", "", "", "USD", "EUR", "GBP", "PLN", "UAH", "INR", "NPR")),
        duration=3 if rng.random() < 0.4 else rng.randint(1, 12),
    )


def _some(rng: Random, candidates: list[str], frequent: list[str]) -> tuple[str, ...]:
    """Choose none, one or two, half of them among the frequent ones."""
    count = rng.choices((0, 1, 2), (64, 22, 14))[0]
    return tuple(rng.sample(frequent if rng.random() < 0.5 else candidates, count))


def _interval(rng: Random, zone: ZoneInfo) -> tuple[str, date, date]:
    """Return the name, if any, and the first and the last date or time."""
    kinds = ("day", "days", "weeks", "months", "long", "odd", "years", "times", "named")
    kind = rng.choices(kinds, (7, 17, 14, 26, 10, 8, 5, 8, 5))[0]
    start = base.START.date() + timedelta(days=rng.randrange(-20, _DAYS))
    if kind in ("months", "long"):
        months = rng.randint(1, 24) if kind == "months" else rng.randint(25, 57)
        index = start.year * 12 + start.month - 1
        if rng.random() < 0.85:
            # Most intervals end with the data.
            index = min(index, base.AS_OF.year * 12 + base.AS_OF.month - months)
        return "", _month(index), _month(index + months) - timedelta(days=1)
    if kind == "years":
        year = rng.randint(2022, 2026)
        return "", date(year, 1, 1), date(min(2026, year + rng.randint(0, 2)), 12, 31)
    if kind == "named":
        return _named(rng, base.AS_OF.astimezone(zone).date())
    lengths = {"day": (1, 1), "days": (2, 14), "weeks": (15, 100), "odd": (100, 1700), "times": (1, 300)}
    days = rng.randint(*lengths[kind])
    last = min(start + timedelta(days=days - 1), base.AS_OF.date() + timedelta(days=40))
    if kind == "times":
        return "", _at(rng, start), _at(rng, last + timedelta(days=1))
    return "", start, last


def _at(rng: Random, day: date) -> datetime:
    """Return a time on that day; one in three has an offset from UTC."""
    hour, minute, second = rng.randrange(24), rng.randrange(60), rng.randrange(60)
    offset = timezone(timedelta(minutes=rng.choice((0, 120, 345, -300)))) if rng.random() < 0.33 else None
    return datetime.combine(day, time(hour, minute, second), tzinfo=offset)


def _named(rng: Random, today: date) -> tuple[str, date, date]:
    index, day = today.year * 12 + today.month - 1, timedelta(days=1)
    count = rng.randint(2, 30)
    return rng.choice(
        (
            ("yesterday", today - day, today - day),
            ("this month", _month(index), _month(index + 1) - day),
            ("previous year", date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
            (f"last {count} months", _month(index - count), _month(index) - day),
            (f"last {count} days", today - count * day, today - day),
        )
    )


def _month(index: int) -> date:
    """Return the first day of a month that is counted from the year 0."""
    return date(index // 12, index % 12 + 1, 1)
