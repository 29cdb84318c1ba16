"""What the form says, in the words of the command line and of saved queries (interfaces), as an address or as fields.

What was typed is kept as it was typed: what is wrong with it is said beside it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import urlencode

from orchestration.reporting.parameters import Between, ReportQuery

OUTPUTS = {"web": "Web", "csv": "CSV", "xls": "Excel XLS", "xlsx": "Excel XLSx"}
"""Output types, as the form calls them."""

_NAMES = ("client_tags", "owners", "packages")
_ONE = ("interval", "from", "to", "timezone", "client_type", "currency", "active_duration", "output")
_ORDER = (*_ONE[:5], *_NAMES, "group_by", *_ONE[5:], "send_to")
_DEFAULT = {"interval": ("this month",), "group_by": ("month",)}


class Parameters(Protocol):
    """The parameters of an address or the fields of a form, as Starlette reads them."""

    def multi_items(self) -> Sequence[tuple[str, Any]]:
        """Every name with its value, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of the form that hold something, each with what was typed: one text, or several."""

    fields: Mapping[str, tuple[str, ...]]

    @classmethod
    def of_query(cls, query: ReportQuery) -> Self:
        """The form that asks for that query."""
        interval = query.interval
        ends = {"from": str(interval.from_), "to": str(interval.to)} if isinstance(interval, Between) else {}
        given = {
            **({"interval": interval} if isinstance(interval, str) else ends),
            "timezone": query.timezone,
            "client_type": query.client_type,
            "currency": query.currency or "",
            "active_duration": str(query.active_duration),
        }
        several = {name: getattr(query, name) for name in (*_NAMES, "group_by")}
        return cls(
            {name: (text,) for name, text in given.items() if text} | {k: v for k, v in several.items() if v}
        )

    @classmethod
    def read(cls, given: Parameters) -> Self:
        """The form that an address or a sent form describes; nothing of it was checked."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in given.multi_items():
            # A browser ends the lines of a field in its own way.
            text = value.replace("\r\n", "\n") if isinstance(value, str) else ""
            found[name] = (*found.get(name, ()), *_texts(name, text))
        interval = found.get("interval", ())[:1]
        if interval == ("last",):
            count, unit = ((found.get(part) or ("",))[0] for part in ("last", "unit"))
            interval = (f"last {count} {unit}",)
        found = {
            name: texts[:1] if name in _ONE else tuple(dict.fromkeys(texts)) for name, texts in found.items()
        }
        if interval:
            found = {name: texts for name, texts in found.items() if name not in ("from", "to")}
            found["interval"] = interval
        return cls({name: found[name] for name in _ORDER if found.get(name)})

    @classmethod
    def default(cls) -> Self:
        """The form as it first meets somebody."""
        return cls(_DEFAULT)

    def one(self, name: str, default: str = "") -> str:
        """The text of a field that holds one."""
        return self.fields.get(name, (default,))[0]

    def several(self, name: str) -> tuple[str, ...]:
        """The texts of a field that holds any number of them."""
        return self.fields.get(name, ())

    def without(self, name: str, text: str) -> Self:
        """The form after one of a field's texts was removed, or with an empty `text` all of them."""
        left = tuple(each for each in self.several(name) if text and each != text)
        others = {each: texts for each, texts in self.fields.items() if each != name}
        return type(self)(others | ({name: left} if left else {}))

    def values(self) -> dict[str, Any]:
        """What `read_query` is asked with: only what was given, for the rest has defaults."""
        ends = {name: self.one(name) for name in ("from", "to") if self.one(name)}
        given: dict[str, Any] = {
            name: self.one(name) for name in ("timezone", "client_type", "currency", "active_duration")
        }
        given |= {name: list(self.several(name)) for name in (*_NAMES, "group_by")}
        given["interval"] = self.one("interval") or ends
        return {name: value for name, value in given.items() if value}

    def address(self, **more: str) -> str:
        """The form as the parameters of an address: `interval=last+12+months&timezone=UTC&…`."""
        pairs = [(name, text) for name in _ORDER for text in self.several(name)]
        return urlencode([*pairs, *more.items()])


def _texts(name: str, text: str) -> tuple[str, ...]:
    """A field's text, trimmed where spaces can mean nothing; addresses may come as a list in one text."""
    if name == "send_to":
        return tuple(filter(None, re.split(r"[\s,;]+", text)))
    text = text if name in _NAMES else text.strip()
    return (text,) if text else ()
