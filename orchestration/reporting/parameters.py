"""The parameters of a report query, and their validation (definition: Parameters).

Names that must exist in the data (tags, owners, packages, currencies) are checked by `name_lookup`.
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

from orchestration.domain import ClientType
from orchestration.errors import RequestError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

TimeGroup = Literal["year", "month", "date"]
GroupBy = Literal["year", "month", "date", "package_name"]

YEARS = range(1800, 9001)
"""Years that a query can name. Boundaries stay within the range of `datetime` in every zone."""

INTERVAL_NAMES = (
    "today, yesterday, this|previous week|month|quarter|year,"
    " last N days|weeks|months|years (N from 1 to 9999)"
)
_INTERVAL_NAME = re.compile(
    r"today|yesterday|(this|previous) (week|month|quarter|year)|last [1-9]\d{0,3} (day|week|month|year)s?"
)


@cache
def list_timezones() -> set[str]:
    """Return the IANA names of this machine. The first call is slow: it reads a folder tree."""
    return available_timezones()


@cache
def _list_packaged_timezones() -> frozenset[str]:
    """Return the IANA names that the package tzdata lists in one file."""
    import tzdata  # type: ignore[import-untyped]  # the package has no types

    return frozenset(Path(tzdata.__file__).with_name("zones").read_text(encoding="ascii").split())


def _validate_timezone(name: str) -> str:
    # The slow list has names that only this machine knows.
    if name not in _list_packaged_timezones() and name not in list_timezones():
        raise ValueError(f"unknown timezone {name!r}: use an IANA name such as UTC or Europe/Kyiv")
    return name


def _validate_interval_name(name: str) -> str:
    words = " ".join(name.lower().split())
    if not _INTERVAL_NAME.fullmatch(words):
        raise ValueError(f"unknown interval {name!r}: use {INTERVAL_NAMES}, or from and to")
    return words


def _choose_interval_form(value: Any) -> str:
    return "between" if isinstance(value, dict | Between) else "name"


def _wrap_single_value(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _parse_moment(value: Any) -> date | datetime:
    """Return a date, a wall-clock time or an instant.

    Examples: `2018-12-31`, `2018-12-31 23:59:59`, `2018-12-31T23:59:59Z`.
    """
    moment, text = value, str(value).strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            moment = date.fromisoformat(text)
        elif re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text):
            moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if not isinstance(moment, date) or moment.year not in YEARS:
        raise ValueError(f"{text!r} is not a valid date or time: use 2018-12-31 or 2018-12-31T23:59:59")
    return moment


Moment = Annotated[date | datetime, BeforeValidator(_parse_moment)]
Timezone = Annotated[str, AfterValidator(_validate_timezone)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217 code")]
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_wrap_single_value)]


class Between(BaseModel):
    """An interval by its ends. `to` is included: a date is a whole day, a time a whole second."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Moment = Field(alias="from", description="first day, or first second")
    to: Moment = Field(description="last day, or last second, inclusive")


class ReportQuery(BaseModel):
    """The parameters of one report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval: Annotated[
        Annotated[Between, Tag("between")]
        | Annotated[str, AfterValidator(_validate_interval_name), Tag("name")],
        Discriminator(_choose_interval_form),
    ] = Field(description=f"mandatory: {INTERVAL_NAMES}, or {{from: …, to: …}} with `to` inclusive")
    timezone: Timezone = Field("UTC", description="IANA name; every boundary is a wall-clock time there")
    client_type: ClientType = Field(ClientType.CLIENT, description="clients of this type are in scope")
    client_tags: Names = Field((), description="clients that have any of these tags")
    owners: Names = Field((), description="clients whose direct owner is any of these resellers (name or id)")
    packages: Names = Field((), description="clients that hold any of these packages (name or id)")
    group_by: Annotated[tuple[GroupBy, ...], BeforeValidator(_wrap_single_value)] = Field(
        (), description="at most one of year, month, date, and optionally package_name"
    )
    currency: Currency | None = Field(None, description="of the report; the base currency when left out")
    active_duration: int = Field(
        3, ge=1, le=1200, description="whole months that a paid service keeps a client active"
    )

    @field_validator("group_by")
    @classmethod
    def _validate_group_by(cls, group_by: tuple[GroupBy, ...]) -> tuple[GroupBy, ...]:
        if len(set(group_by)) != len(group_by):
            raise ValueError("group_by names the same group twice")
        if len([group for group in group_by if group != "package_name"]) > 1:
            raise ValueError("group_by takes at most one of year, month, date")
        return group_by

    @property
    def time_group(self) -> TimeGroup | None:
        """The time group; None if the interval is one period."""
        return next((group for group in self.group_by if group != "package_name"), None)

    @property
    def by_package(self) -> bool:
        """True if the report has a group for each package (definition: Grouping by package)."""
        return "package_name" in self.group_by

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which all boundaries are wall-clock times."""
        return ZoneInfo(self.timezone)


def read_query(values: Mapping[str, Any], *, name_key: Callable[[str], str] = str) -> ReportQuery:
    """Return the query with these values.

    Raise RequestError for the first wrong value. `name_key` returns the user's word for a key.
    """
    try:
        return ReportQuery.model_validate(values)
    except ValidationError as error:
        details = error.errors()[0]
        key, reason = _explain_error(details)
        if not details["loc"]:
            raise RequestError(reason) from None
        value = (
            ""
            if details["type"] == "missing" or repr(details["input"]) in reason
            else f" {_format_value(details['input'])}"
        )
        raise RequestError(f"{name_key(key)}{value}: {reason}") from None


def find_query_errors(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the reason for each wrong value by its key. `from` and `to` are keys too."""
    try:
        ReportQuery.model_validate(values)
    except ValidationError as error:
        return dict(_explain_error(details) for details in reversed(error.errors()))
    return {}


def _explain_error(details: "ErrorDetails") -> tuple[str, str]:
    """Return the key of a wrong value and the reason."""
    loc = details["loc"]
    key = "from" if "from" in loc else "to" if "to" in loc else str((*loc, "query")[0])
    if details["type"] == "missing":
        return key, "is mandatory"
    if details["type"] == "string_pattern_mismatch":
        return key, "must be an ISO 4217 code of three capital letters, such as USD"
    return key, details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _format_value(value: Any) -> str:
    return ", ".join(map(repr, value)) if isinstance(value, list | tuple) else repr(value)
