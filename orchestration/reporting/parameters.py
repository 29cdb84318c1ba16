"""What a query may ask (spec 2).

A value that is wrong by itself is refused here; names that must exist in the data (tags, owners, packages,
currencies) are looked up by `resolve`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
)

from orchestration.errors import RequestError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ClientType = Literal["client", "reseller", "calling_card", "call_shop"]
TimeGroup = Literal["year", "month", "date"]
GroupBy = Literal["year", "month", "date", "package_name"]

_YEARS = range(1800, 9001)
"""No bill is older than the telegraph, and every zone's clock stays within what Python can count."""

INTERVAL_NAMES = "today, yesterday, this|previous week|month|quarter|year, last N days|weeks|months|years (N from 1 to 9999)"
_NAMED = re.compile(
    r"today|yesterday|(this|previous) (week|month|quarter|year)|last [1-9]\d{0,3} (day|week|month|year)s?"
)


@cache
def timezones() -> set[str]:
    """Return the IANA names of this machine. The first call walks through a folder tree."""
    return available_timezones()


@cache
def _listed_timezones() -> frozenset[str]:
    """Return the IANA names that the package tzdata lists: all of them stand in one file."""
    import tzdata  # type: ignore[import-untyped]  # it ships none

    return frozenset(Path(tzdata.__file__).with_name("zones").read_text(encoding="ascii").split())


def _known_zone(name: str) -> str:
    if name not in _listed_timezones() and name not in timezones():
        raise ValueError(f"unknown timezone {name!r}: an IANA name is needed, such as UTC or Europe/Kyiv")
    return name


def _known_interval(name: str) -> str:
    words = " ".join(name.lower().split())
    if not _NAMED.fullmatch(words):
        raise ValueError(f"unknown interval {name!r}: use {INTERVAL_NAMES}, or from and to")
    return words


def _shape_of_interval(value: Any) -> str:
    return "between" if isinstance(value, dict | Between) else "name"


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _moment(value: Any) -> date | datetime:
    """A date, or a wall-clock or absolute time: `2018-12-31`, `2018-12-31 23:59:59`, `2018-12-31T23:59:59Z`."""
    moment, text = value, str(value).strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            moment = date.fromisoformat(text)
        elif re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text):
            moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if not isinstance(moment, date) or moment.year not in _YEARS:
        raise ValueError(f"{text!r} is no date or time: write 2018-12-31 or 2018-12-31T23:59:59")
    return moment


Moment = Annotated[date | datetime, BeforeValidator(_moment)]
Timezone = Annotated[str, AfterValidator(_known_zone)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217 code")]
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_one_or_many)]


class Between(BaseModel):
    """An interval by its ends. `to` is inclusive: a date means that whole day, a time that whole second."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Moment = Field(alias="from", description="first day, or first second")
    to: Moment = Field(description="last day, or last second, inclusive")


class ReportQuery(BaseModel):
    """The parameters of one report (spec 2), as a user gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval: Annotated[
        Annotated[Between, Tag("between")] | Annotated[str, AfterValidator(_known_interval), Tag("name")],
        Discriminator(_shape_of_interval),
    ] = Field(description=f"mandatory: {INTERVAL_NAMES}, or {{from: …, to: …}} with `to` inclusive")
    timezone: Timezone = Field("UTC", description="IANA name; every boundary is a wall-clock time there")
    client_type: ClientType = Field("client", description="clients of this type are in scope")
    client_tags: Names = Field((), description="clients that have any of these tags")
    owners: Names = Field((), description="clients whose direct owner is any of these resellers (name or id)")
    packages: Names = Field((), description="clients that hold any of these packages (name or id)")
    group_by: Annotated[tuple[GroupBy, ...], BeforeValidator(_one_or_many)] = Field(
        (), description="at most one of year, month, date, and optionally package_name"
    )
    currency: Currency | None = Field(None, description="of the report; the base currency when left out")
    active_duration: int = Field(
        3, ge=1, le=1200, description="whole months that a paid service keeps a client active"
    )

    @field_validator("group_by")
    @classmethod
    def _one_time_group(cls, group_by: tuple[GroupBy, ...]) -> tuple[GroupBy, ...]:
        if len(set(group_by)) != len(group_by):
            raise ValueError("group_by names the same group twice")
        if len([group for group in group_by if group != "package_name"]) > 1:
            raise ValueError("group_by takes at most one of year, month, date")
        return group_by

    @property
    def time_group(self) -> TimeGroup | None:
        """The time group, if the periods are cut at all."""
        return next((group for group in self.group_by if group != "package_name"), None)

    @property
    def by_package(self) -> bool:
        """Whether the report has a group for each package (spec 7)."""
        return "package_name" in self.group_by

    @property
    def zone(self) -> ZoneInfo:
        """The zone that all boundaries are wall-clock times of."""
        return ZoneInfo(self.timezone)


def read_query(values: Mapping[str, Any], *, shown_as: Callable[[str], str] = str) -> ReportQuery:
    """The query that `values` describe. Raises RequestError for the first wrong one, its key named by `shown_as`."""
    try:
        return ReportQuery.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        key, reason = _problem(problem)
        if not problem["loc"]:
            raise RequestError(reason) from None
        value = (
            ""
            if problem["type"] == "missing" or repr(problem["input"]) in reason
            else f" {_shown(problem['input'])}"
        )
        raise RequestError(f"{shown_as(key)}{value}: {reason}") from None


def query_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each wrong value among those of a query, by its key; `from` and `to` are keys too."""
    try:
        ReportQuery.model_validate(values)
    except ValidationError as error:
        return dict(_problem(problem) for problem in reversed(error.errors()))
    return {}


def _problem(problem: "ErrorDetails") -> tuple[str, str]:
    """The key that pydantic found wrong, and why."""
    loc = problem["loc"]
    key = "from" if "from" in loc else "to" if "to" in loc else str((*loc, "query")[0])
    if problem["type"] == "missing":
        return key, "is mandatory"
    if problem["type"] == "string_pattern_mismatch":
        return key, "must be an ISO 4217 code of three capital letters, such as USD"
    return key, problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _shown(value: Any) -> str:
    return ", ".join(map(repr, value)) if isinstance(value, list | tuple) else repr(value)
