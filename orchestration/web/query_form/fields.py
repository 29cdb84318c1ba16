"""The data of the query form, as form fields or as an address.

The names are those of saved queries. The data is the text that the visitor typed, even if it is
wrong: the form then shows the problem beside the field.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from orchestration.domain import MAIL_FORMATS
from orchestration.rendering import FORMATS
from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.reporting.query_parameters import QUERY_PARAMETERS

OUTPUTS = {"web": "Web"} | {fmt.value: FORMATS[fmt].label for fmt in MAIL_FORMATS}
"""The label of each output type."""

_FIELDS = (*QUERY_PARAMETERS, "output", "send_to")
"""The fields in the order of an address."""

FORM_NAMES = (*_FIELDS, "last", "unit")
"""The names that `QueryFormData.parse` reads. `last` and `unit` complete the interval `last`."""

_LIST_FIELDS = tuple(name for name, parameter in QUERY_PARAMETERS.items() if parameter.is_list)
_NAME_FIELDS = ("client_tags", "owners", "packages")
"""The fields with names from the billing data. Spaces in them have a meaning."""


@dataclass(frozen=True, slots=True)
class QueryFormData:
    """The texts of each field of the form. Empty fields are left out."""

    fields: Mapping[str, tuple[str, ...]]

    @classmethod
    def from_query(cls, query: ReportQuery) -> Self:
        """Return the form that describes the query."""
        interval = query.interval
        ends = {"from": str(interval.from_), "to": str(interval.to)} if isinstance(interval, Between) else {}
        texts = {
            **({"interval": interval} if isinstance(interval, str) else ends),
            "timezone": query.timezone,
            "client_type": str(query.client_type),
            "currency": query.currency or "",
            "active_duration": str(query.active_duration),
        }
        lists = {name: getattr(query, name) for name in _LIST_FIELDS}
        return cls(
            {name: (text,) for name, text in texts.items() if text}
            | {name: names for name, names in lists.items() if names}
        )

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Return the form with these names and values of an address or of a sent form."""
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            # Browsers send their own line ends.
            texts = _split_text(name, value.replace("\r\n", "\n"))
            fields[name] = (*fields.get(name, ()), *texts)
        interval = fields.get("interval", ())[:1]
        if interval == ("last",):
            count, unit = ((fields.get(part) or ("",))[0] for part in ("last", "unit"))
            interval = (f"last {count} {unit}",)
        fields = {
            name: tuple(dict.fromkeys(texts)) if name in (*_LIST_FIELDS, "send_to") else texts[:1]
            for name, texts in fields.items()
        }
        if interval:
            fields = {name: texts for name, texts in fields.items() if name not in ("from", "to")}
            fields["interval"] = interval
        return cls({name: fields[name] for name in _FIELDS if fields.get(name)})

    @classmethod
    def parse_address(cls, parameters: str) -> Self:
        """Return the form that the parameters of an address describe."""
        return cls.parse(parse_qsl(parameters, keep_blank_values=True))

    @classmethod
    def default(cls) -> Self:
        """Return the form of a new visit."""
        return cls({"interval": ("this month",), "group_by": ("month",)})

    def text(self, name: str, default: str = "") -> str:
        """Return the text of a field with one value."""
        return self.fields.get(name, (default,))[0]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a field with any number of values."""
        return self.fields.get(name, ())

    def without(self, name: str, text: str = "") -> Self:
        """Return the form without one text of a field, or without the field if `text` is empty."""
        remaining = tuple(value for value in self.texts(name) if text and value != text)
        others = {key: texts for key, texts in self.fields.items() if key != name}
        return type(self)(others | ({name: remaining} if remaining else {}))

    def to_values(self) -> dict[str, Any]:
        """Return the values for `read_query`. Empty fields are left out and get its defaults."""
        ends = {name: self.text(name) for name in ("from", "to") if self.text(name)}
        values: dict[str, Any] = {
            name: self.text(name) for name in ("timezone", "client_type", "currency", "active_duration")
        }
        values |= {name: list(self.texts(name)) for name in _LIST_FIELDS}
        values["interval"] = self.text("interval") or ends
        return {name: value for name, value in values.items() if value}

    def to_address(self, **more: str) -> str:
        """Return the parameters of an address, such as `interval=last+12+months&timezone=UTC`."""
        pairs = [(name, text) for name in _FIELDS for text in self.texts(name)]
        return urlencode([*pairs, *more.items()])


def _split_text(name: str, text: str) -> tuple[str, ...]:
    """Return the values in one text of a field. A text of `send_to` can list several addresses."""
    if name == "send_to":
        return tuple(filter(None, re.split(r"[\s,;]+", text)))
    text = text if name in _NAME_FIELDS else text.strip()
    return (text,) if text else ()
