"""A saved query: a report's parameters under a name, what it is rendered to, to whom it goes and when.

The field descriptions are what editors show: they become `report_templates/saved-query.schema.json`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StringConstraints,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from orchestration.reporting.parameters import ReportQuery, Timezone
from orchestration.saved_queries.amounts import Duration, Size
from orchestration.saved_queries.conditions import Threshold, parse_threshold
from orchestration.saved_queries.cron import check_cron
from orchestration.saved_queries.subject import DEFAULT_SUBJECT, VARIABLES, check_subject, render

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MAX_RECIPIENTS = 500

Format = Literal["csv", "xls", "xlsx"]
Chart = Literal["clients_active_qty", "balance_refill_total", "pay_as_you_go_total", "packages_renew_total"]


def _address(text: str) -> str:
    from orchestration.mailing.address import parse_address

    if not text.rpartition("@")[2].isascii():
        # A letter of another script may look like the one that is meant, and the report go to a stranger.
        raise ValueError(f"{text!r} has a domain beyond ASCII: write it as mail servers do, xn--…")
    return parse_address(text)


def _header_text(text: str) -> str:
    from orchestration.mailing.address import safe_header

    return safe_header(text)


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_header_text),
]
Addresses = tuple[Annotated[str, AfterValidator(_address)], ...]

_UNIQUE: JsonDict = {"uniqueItems": True}


def _shape_of_condition(value: Any) -> str:
    return "thresholds" if isinstance(value, list | tuple) else "word"


def _threshold(value: Any) -> Threshold:
    return value if isinstance(value, Threshold) else parse_threshold(str(value))


Condition = Annotated[
    Annotated[Literal["always", "changed", "any_data"], Tag("word")]
    | Annotated[
        tuple[
            Annotated[Threshold, PlainValidator(_threshold), WithJsonSchema({"type": "string"})],
            ...,
        ],
        Field(min_length=1),
        Tag("thresholds"),
    ],
    Discriminator(_shape_of_condition),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(_Model):
    """What the report is rendered to."""

    formats: tuple[Format, ...] = Field(
        default=("xlsx",),
        min_length=1,
        description="Files that are stored and attached, in this order.",
        json_schema_extra=_UNIQUE,
    )
    chart: Chart | None = Field(
        default=None, description="The row to draw in the mail and the workbook; none when left out."
    )

    @field_validator("formats")
    @classmethod
    def _each_once(cls, formats: tuple[Format, ...]) -> tuple[Format, ...]:
        if len(set(formats)) != len(formats):
            raise ValueError("a format stands twice: keep one of each")
        return formats


class Delivery(_Model):
    """To whom the report goes, and when."""

    schedule: Annotated[str, AfterValidator(check_cron)] | None = Field(
        None,
        description="Cron of five fields (minute hour day month weekday) in the timezone of the delivery: "
        "`0 7 1 * *` is 07:00 on the first of each month. Left out: only `dynamics deliver` sends.",
    )
    timezone: Timezone | None = Field(
        None, description="IANA name that the schedule runs in; the query's when left out."
    )
    send_to: Addresses = Field(
        min_length=1, description="Addresses in To; each gets the files.", json_schema_extra=_UNIQUE
    )
    cc: Addresses = Field((), description="Addresses in Cc.", json_schema_extra=_UNIQUE)
    bcc: Addresses = Field((), description="Addresses that the others do not see.", json_schema_extra=_UNIQUE)
    subject: Annotated[str, Field(max_length=500), AfterValidator(check_subject)] = Field(
        DEFAULT_SUBJECT, description=f"Jinja template of the subject line; variables: {', '.join(VARIABLES)}."
    )
    on_failure: Addresses = Field(
        (),
        description="Addresses that are told when the report could not be made or sent.",
        json_schema_extra=_UNIQUE,
    )
    catch_up: Literal["all", "latest", "none"] = Field(
        "latest",
        description="Which of the moments that were missed while nothing ran are made up for. The others are "
        "recorded as skipped.",
    )
    after: Literal["fresh"] | None = Field(
        None,
        description="`fresh`: wait until the data covers the report's interval. Left out: the report is made at its "
        "moment, from the data as it is.",
    )
    wait_at_most: Duration = Field(
        timedelta(hours=6),
        description="How long to wait for fresh data: 30m, 6h, 2d.",
        json_schema_extra={"default": "6h"},
    )
    stale: Literal["fail", "send"] = Field(
        "fail",
        description="When the wait is over: `fail` tells on_failure and mails nobody else, `send` mails the report with "
        "a line that says until when its data reaches.",
    )
    send_if: Condition = Field(
        "always",
        description="`always`, `changed` (since the last one that was mailed), `any_data`, or thresholds of which one is "
        'enough: `"Clients - Active / Qty" falls by more than 10 %`, `"Clients - All / Balance" is below -5000`. '
        "Of periods it is about the last that is known, and falls and rises are against the one before it; of packages "
        "any is enough; N/A exceeds nothing. A report that is not mailed is kept all the same.",
    )
    split_by: Literal["owner"] | None = Field(
        None,
        description="`owner`: each reseller gets a report of its own clients, at its addresses in `owners`.",
    )
    owners: dict[Annotated[str, Field(min_length=1)], Addresses] = Field(
        {},
        validate_default=True,
        description="With `split_by: owner`: the addresses of each reseller (name or id).",
    )
    attach_at_most: Size = Field(
        10_000_000,
        description="Files that a mail carries, as they travel: 500 kB, 10 MB. What does not fit is behind the link.",
        json_schema_extra={"default": "10 MB"},
    )

    @field_validator("owners")
    @classmethod
    def _of_a_split(
        cls, owners: dict[str, tuple[str, ...]], info: ValidationInfo
    ) -> dict[str, tuple[str, ...]]:
        """A mapping that nothing is split by, or a split without one, is a mistake and not a preference."""
        split = info.data.get("split_by", "a word that is refused already")
        if split and not owners:
            raise PydanticCustomError("missing", "the addresses of each owner")
        if owners and not split:
            raise ValueError("owners get reports of their own with `split_by: owner`: add it")
        for owner, addresses in owners.items():
            if not addresses:
                raise ValueError(f"{owner} has no address: give one, or leave the owner out")
            if len({address.casefold() for address in addresses}) < len(addresses):
                raise ValueError(f"an address of {owner} stands twice: keep one")
            if len(addresses) > MAX_RECIPIENTS:
                raise ValueError(f"{owner} has {len(addresses)} addresses: at most {MAX_RECIPIENTS}")
        return owners

    @field_validator("send_to", "cc", "bcc", "on_failure")
    @classmethod
    def _each_once(cls, addresses: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Nobody gets a mail twice, whichever of To, Cc and Bcc names him; a failure is a mail of its own."""
        before = () if info.field_name == "on_failure" else ("send_to", "cc", "bcc")
        seen = {address.casefold() for field in before for address in info.data.get(field, ())}
        for address in addresses:
            if address.casefold() in seen:
                raise ValueError(
                    f"{address} stands twice: send_to, cc and bcc together take each address once"
                )
            seen.add(address.casefold())
        if len(seen) > MAX_RECIPIENTS:
            raise ValueError(
                f"{len(seen)} addresses: at most {MAX_RECIPIENTS} in send_to, cc and bcc together"
            )
        return addresses


class SavedQueryFile(_Model):
    """A saved Customer Dynamics query: what to report, as which files, to whom and when."""

    title: Title = Field(
        description="Heading of the report and of the mail, one line of at most 100 characters."
    )
    description: str = Field("", description="For whom the report is and what it answers.")
    query: ReportQuery = Field(description="The parameters of the report.")
    output: Output = Field(default=Output(), description="What the report is rendered to.")
    delivery: Delivery | None = Field(
        None, description="To whom it goes, and when; left out, the query is only saved."
    )


class SavedQuery(SavedQueryFile):
    """What a file in `report_templates/` says, under the name that the file gives it."""

    name: str = Field(pattern=NAME_PATTERN)

    @property
    def schedule_timezone(self) -> str:
        """The zone that the schedule's cron is read in."""
        return (self.delivery and self.delivery.timezone) or self.query.timezone

    @property
    def identifier(self) -> str:
        """The name where only letters, digits and `_` are allowed (Dagster, dbt); unique in a folder."""
        return self.name.replace("-", "_")


def render_subject(saved_query: SavedQuery, values: Mapping[str, object]) -> str:
    """The subject of one mail: one line, at most 200 characters.

    `values` gives `interval`, `currency` (text), `as_of` and `scheduled_at` (aware datetimes, shown in the zone of the
    schedule); `title`, `name` and `timezone` are the saved query's. Raises RequestError when it cannot be rendered.
    """
    template = saved_query.delivery.subject if saved_query.delivery else DEFAULT_SUBJECT
    own = {"title": saved_query.title, "name": saved_query.name, "timezone": saved_query.query.timezone}
    zone = ZoneInfo(saved_query.schedule_timezone)
    local = {
        name: value.astimezone(zone) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return render(template, own | local)
