"""The fields of Save Query, and the contents of the file that they describe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, get_args

from starlette.datastructures import FormData

from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.saved_query import Chart, Format

FORMATS = get_args(Format)
CHARTS = dict(
    zip(
        get_args(Chart),
        ("Clients - Active: Qty", "Balance Refill: Total", "Pay As You Go: Total", "Packages: Renew Total"),
        strict=True,
    )
)
ADDRESSES = {"send_to": "Send to", "cc": "Cc", "bcc": "Bcc", "on_failure": "On failure"}


@dataclass(frozen=True, slots=True)
class Fields:
    """What is typed beside the query: texts as they were typed."""

    name: str = ""
    title: str = ""
    description: str = ""
    chart: str = ""
    schedule: str = ""
    schedule_timezone: str = ""
    subject: str = ""
    formats: tuple[str, ...] = ("xlsx",)
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By header, as ADDRESSES has them."""

    @classmethod
    def sent(cls, form: FormData) -> Self:
        """The fields of a sent form."""

        def several(name: str) -> tuple[str, ...]:
            texts = " ".join(str(text).replace(",", " ").replace(";", " ") for text in form.getlist(name))
            return tuple(dict.fromkeys(texts.split()))

        one = ("name", "title", "description", "chart", "schedule", "schedule_timezone", "subject")
        return cls(
            **{name: str(form.get(name, "")).replace("\r\n", "\n").strip() for name in one},
            formats=several("formats"),
            addresses={name: several(name) for name in ADDRESSES},
        )

    @classmethod
    def of_file(cls, name: str, keys: Mapping[str, Any]) -> Self:
        """The fields that a file's keys fill, as far as they can be read."""
        output, delivery = _mapping(keys.get("output")), _mapping(keys.get("delivery"))
        return cls(
            name=name,
            title=_text(keys.get("title")),
            description=_text(keys.get("description")),
            chart=_text(output.get("chart")),
            schedule=_text(delivery.get("schedule")),
            schedule_timezone=_text(delivery.get("timezone")),
            subject=_text(delivery.get("subject")),
            formats=_texts(output.get("formats")) or ("xlsx",),
            addresses={header: _texts(delivery.get(header)) for header in ADDRESSES},
        )

    def contents(self, query: ReportQuery, before: Mapping[str, Any]) -> dict[str, Any]:
        """The file's keys in their order. What the form does not ask for stays as it was in the file before."""
        delivery = {
            "schedule": self.schedule,
            "timezone": self.schedule_timezone,
            **{header: list(self.addresses.get(header, ())) for header in ADDRESSES},
            "subject": self.subject,
        }
        ordered = ("schedule", "timezone", "send_to", "cc", "bcc", "subject", "on_failure")
        given = {key: delivery[key] for key in ordered if delivery[key]}
        kept = {key: value for key, value in _mapping(before.get("delivery")).items() if key not in delivery}
        contents = {
            "title": self.title,
            "description": self.description,
            "query": _plain(query.model_dump(by_alias=True, exclude_defaults=True)),
            "output": {"formats": list(self.formats)} | ({"chart": self.chart} if self.chart else {}),
            "delivery": given | kept,
        }
        return {key: value for key, value in contents.items() if value or key == "title"}


def _plain(query: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in query.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    return tuple(text for text in given if isinstance(text, str))
