"""The fields of the Save Query form, and the YAML file that they describe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.saved_query import DEFAULT_FORMATS
from orchestration.web.page_request import DeclaredValues

RECIPIENT_LABELS = {"send_to": "Send to", "cc": "Cc", "bcc": "Bcc", "on_failure": "On failure"}
"""The label of each field with mail addresses."""

_TEXT_FIELDS = ("name", "title", "description", "chart", "schedule", "schedule_timezone", "subject")
_DELIVERY_KEYS = ("schedule", "timezone", "send_to", "cc", "bcc", "subject", "on_failure")
"""The keys of `delivery` in the order of the file."""

FORM_NAMES = (*_TEXT_FIELDS, "formats", *RECIPIENT_LABELS)
"""The names that `SaveQueryForm.parse` reads."""


@dataclass(frozen=True, slots=True)
class SaveQueryForm:
    """The texts of the form, apart from the parameters of the query."""

    name: str = ""
    title: str = ""
    description: str = ""
    chart: str = ""
    schedule: str = ""
    schedule_timezone: str = ""
    subject: str = ""
    formats: tuple[str, ...] = tuple(map(str, DEFAULT_FORMATS))
    recipients: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The addresses of each field in RECIPIENT_LABELS."""

    @classmethod
    def parse(cls, form: DeclaredValues) -> Self:
        """Return the fields of a sent form."""
        return cls(
            **{name: form.text(name).replace("\r\n", "\n").strip() for name in _TEXT_FIELDS},
            formats=_split_words(form.texts("formats")),
            recipients={name: _split_words(form.texts(name)) for name in RECIPIENT_LABELS},
        )

    @classmethod
    def from_file(cls, name: str, keys: Mapping[str, Any]) -> Self:
        """Return the fields for the keys of a saved query's file. Ignore keys of a wrong type."""
        output, delivery = _to_mapping(keys.get("output")), _to_mapping(keys.get("delivery"))
        return cls(
            name=name,
            title=_to_text(keys.get("title")),
            description=_to_text(keys.get("description")),
            chart=_to_text(output.get("chart")),
            schedule=_to_text(delivery.get("schedule")),
            schedule_timezone=_to_text(delivery.get("timezone")),
            subject=_to_text(delivery.get("subject")),
            formats=_to_texts(output.get("formats")) or cls().formats,
            recipients={header: _to_texts(delivery.get(header)) for header in RECIPIENT_LABELS},
        )

    def to_file(self, query: ReportQuery, previous: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys of the file in their order.

        `previous` holds the keys of the file before. Its keys of `delivery` that the form does not
        have are kept.
        """
        delivery = {
            "schedule": self.schedule,
            "timezone": self.schedule_timezone,
            **{header: list(self.recipients.get(header, ())) for header in RECIPIENT_LABELS},
            "subject": self.subject,
        }
        form_keys = {key: delivery[key] for key in _DELIVERY_KEYS if delivery[key]}
        previous_delivery = _to_mapping(previous.get("delivery"))
        kept_keys = {key: value for key, value in previous_delivery.items() if key not in delivery}
        contents = {
            "title": self.title,
            "description": self.description,
            "query": _to_yaml_types(query.model_dump(by_alias=True, exclude_defaults=True)),
            "output": {"formats": list(self.formats)} | ({"chart": self.chart} if self.chart else {}),
            "delivery": form_keys | kept_keys,
        }
        return {key: value for key, value in contents.items() if value or key == "title"}


def _split_words(texts: list[str]) -> tuple[str, ...]:
    """Return each word in the texts once. Commas and semicolons separate words too."""
    words = " ".join(text.replace(",", " ").replace(";", " ") for text in texts).split()
    return tuple(dict.fromkeys(words))


def _to_yaml_types(query: dict[str, Any]) -> dict[str, Any]:
    """Replace tuples and enums, which the YAML writer does not know."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in query.items()}
    return {key: str(value) if isinstance(value, StrEnum) else value for key, value in values.items()}


def _to_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _to_texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in values if isinstance(text, str))
