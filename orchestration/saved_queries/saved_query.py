"""The model of a saved query: a report query, its files, its recipients and its schedule.

The field descriptions become `report_templates/saved-query.schema.json`, which editors show.
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

from orchestration.domain import ChartPreset, FileFormat, MailFormat
from orchestration.reporting.parameters import ReportQuery, Timezone
from orchestration.saved_queries.conditions import Threshold, parse_threshold
from orchestration.saved_queries.cron import check_cron
from orchestration.saved_queries.subject import DEFAULT_SUBJECT, VARIABLES, check_subject, render_template
from orchestration.saved_queries.units import Duration, Size

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MAX_RECIPIENTS = 500

DEFAULT_FORMATS: tuple[MailFormat, ...] = (FileFormat.XLSX,)


def _parse_address(text: str) -> str:
    from orchestration.mailing.address import parse_address

    if not text.rpartition("@")[2].isascii():
        # A letter of another script can look the same and lead to a stranger's domain.
        raise ValueError(
            f"{text!r} has a domain that is not ASCII: write the ASCII form, which begins with xn--"
        )
    return parse_address(text)


def _check_title(text: str) -> str:
    from orchestration.mailing.address import check_header

    return check_header(text)


Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_check_title),
]
Addresses = tuple[Annotated[str, AfterValidator(_parse_address)], ...]

_UNIQUE: JsonDict = {"uniqueItems": True}


def _tag_condition(value: Any) -> str:
    return "thresholds" if isinstance(value, list | tuple) else "word"


def _to_threshold(value: Any) -> Threshold:
    return value if isinstance(value, Threshold) else parse_threshold(str(value))


Condition = Annotated[
    Annotated[Literal["always", "changed", "any_data"], Tag("word")]
    | Annotated[
        tuple[
            Annotated[Threshold, PlainValidator(_to_threshold), WithJsonSchema({"type": "string"})],
            ...,
        ],
        Field(min_length=1),
        Tag("thresholds"),
    ],
    Discriminator(_tag_condition),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(_Model):
    """The files and the chart of a report."""

    formats: tuple[MailFormat, ...] = Field(
        default=DEFAULT_FORMATS,
        min_length=1,
        description="The files to attach to the mail, in this order.",
        json_schema_extra=_UNIQUE,
    )
    chart: ChartPreset | None = Field(
        default=None, description="The report row to draw in the mail and the workbook. Default: no chart."
    )

    @field_validator("formats")
    @classmethod
    def _require_unique(cls, formats: tuple[MailFormat, ...]) -> tuple[MailFormat, ...]:
        if len(set(formats)) != len(formats):
            raise ValueError("a format occurs twice: remove one")
        return formats


class DeliverySettings(_Model):
    """The recipients of the report and its schedule."""

    schedule: Annotated[str, AfterValidator(check_cron)] | None = Field(
        None,
        description="Cron of five fields (minute hour day month weekday) in the time zone of the delivery. "
        "`0 7 1 * *` is 07:00 on the first of each month. Default: no schedule; `dynamics deliver` sends the report.",
    )
    timezone: Timezone | None = Field(
        None, description="IANA time zone of the schedule. Default: the time zone of the query."
    )
    send_to: Addresses = Field(
        min_length=1, description="Addresses in the header To.", json_schema_extra=_UNIQUE
    )
    cc: Addresses = Field((), description="Addresses in the header Cc.", json_schema_extra=_UNIQUE)
    bcc: Addresses = Field(
        (), description="Addresses that the other recipients do not see.", json_schema_extra=_UNIQUE
    )
    subject: Annotated[str, Field(max_length=500), AfterValidator(check_subject)] = Field(
        DEFAULT_SUBJECT, description=f"Jinja template of the subject. Variables: {', '.join(VARIABLES)}."
    )
    on_failure: Addresses = Field(
        (),
        description="Addresses that get a mail if the report cannot be generated or sent.",
        json_schema_extra=_UNIQUE,
    )
    catch_up: Literal["all", "latest", "none"] = Field(
        "latest",
        description="Which missed moments are delivered later, for example after an outage: all, only the latest, "
        "or none. The others are recorded as skipped.",
    )
    after: Literal["fresh"] | None = Field(
        None,
        description="`fresh`: wait until the data covers the interval of the report. Default: do not wait.",
    )
    wait_at_most: Duration = Field(
        timedelta(hours=6),
        description="How long to wait for fresh data, such as 30m, 6h or 2d.",
        json_schema_extra={"default": "6h"},
    )
    stale: Literal["fail", "send"] = Field(
        "fail",
        description="What happens if the data is still not fresh after the wait. `fail` sends a failure mail to "
        "`on_failure` and no report. `send` sends the report with a warning.",
    )
    send_if: Condition = Field(
        "always",
        description="When to send the mail: `always`; `changed` (the numbers differ from the last mailed report); "
        "`any_data` (the interval has transactions); or a list of thresholds, of which one must be exceeded: "
        '`"Clients - Active / Qty" falls by more than 10 %`, `"Clients - All / Balance" is below -5000`. '
        "With periods, a threshold checks the last known period, and compares falls and rises with the period before "
        "it. With packages, one package is enough. N/A exceeds no threshold. A report that is not mailed is still kept.",
    )
    split_by: Literal["owner"] | None = Field(
        None,
        description="`owner`: send each reseller a report of its own clients, to its addresses in `owners`.",
    )
    owners: dict[Annotated[str, Field(min_length=1)], Addresses] = Field(
        {},
        validate_default=True,
        description="The addresses of each reseller (name or id), for `split_by: owner`.",
    )
    attach_at_most: Size = Field(
        10_000_000,
        description="The limit for all attached files of a mail, such as 500 kB or 10 MB. Files above it are linked.",
        json_schema_extra={"default": "10 MB"},
    )

    @field_validator("owners")
    @classmethod
    def _check_owners(
        cls, owners: dict[str, tuple[str, ...]], info: ValidationInfo
    ) -> dict[str, tuple[str, ...]]:
        """Refuse owners without `split_by`, and `split_by` without owners."""
        # An invalid split_by is not in the data. It has an error of its own.
        split_by = info.data.get("split_by", "invalid")
        if split_by and not owners:
            raise PydanticCustomError("missing", "the addresses of each owner")
        if owners and not split_by:
            raise ValueError("owners need `split_by: owner`: add it")
        for owner, addresses in owners.items():
            if not addresses:
                raise ValueError(f"{owner} has no address: give one, or remove the owner")
            if len({address.casefold() for address in addresses}) < len(addresses):
                raise ValueError(f"an address of {owner} occurs twice: remove one")
            if len(addresses) > MAX_RECIPIENTS:
                raise ValueError(f"{owner} has {len(addresses)} addresses: at most {MAX_RECIPIENTS}")
        return owners

    @field_validator("send_to", "cc", "bcc", "on_failure")
    @classmethod
    def _require_unique(cls, addresses: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Refuse an address that occurs twice in To, Cc and Bcc together, or in `on_failure`."""
        before = () if info.field_name == "on_failure" else ("send_to", "cc", "bcc")
        seen = {address.casefold() for field in before for address in info.data.get(field, ())}
        for address in addresses:
            if address.casefold() in seen:
                raise ValueError(
                    f"{address} occurs twice: send_to, cc and bcc together can have each address once"
                )
            seen.add(address.casefold())
        if len(seen) > MAX_RECIPIENTS:
            raise ValueError(
                f"{len(seen)} addresses: at most {MAX_RECIPIENTS} in send_to, cc and bcc together"
            )
        return addresses


class SavedQueryFile(_Model):
    """A saved Customer Dynamics query: the report, its files, its recipients and its schedule."""

    title: Title = Field(
        description="The heading of the report and of the mail. One line of at most 100 characters."
    )
    description: str = Field("", description="The purpose and the readers of the report.")
    query: ReportQuery = Field(description="The parameters of the report.")
    output: Output = Field(default=Output(), description="The files and the chart of the report.")
    delivery: DeliverySettings | None = Field(
        None, description="The recipients and the schedule. Default: the query is saved, and nothing is sent."
    )


class SavedQuery(SavedQueryFile):
    """A saved query with the name of its file."""

    name: str = Field(pattern=NAME_PATTERN)

    @property
    def schedule_timezone(self) -> str:
        """The time zone of the schedule."""
        return (self.delivery and self.delivery.timezone) or self.query.timezone

    @property
    def identifier(self) -> str:
        """The name for Dagster and dbt, which allow no hyphen. It is unique in a folder."""
        return self.name.replace("-", "_")


def render_subject(saved_query: SavedQuery, values: Mapping[str, object]) -> str:
    """Render the subject of one mail: one line of at most 200 characters.

    `values` has `interval` and `currency` as text, and `as_of` and `scheduled_at` as aware
    datetimes, which are shown in the time zone of the schedule. `title`, `name` and `timezone` come
    from the saved query. Raise RequestError if the subject cannot be rendered.
    """
    template = saved_query.delivery.subject if saved_query.delivery else DEFAULT_SUBJECT
    own = {"title": saved_query.title, "name": saved_query.name, "timezone": saved_query.query.timezone}
    zone = ZoneInfo(saved_query.schedule_timezone)
    local = {
        name: value.astimezone(zone) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return render_template(template, own | local)
