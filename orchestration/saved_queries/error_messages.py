"""Error messages for saved queries: the wrong key, what is wrong, and which values are allowed."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import BaseModel

from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.saved_queries.saved_query import DeliverySettings, Output, SavedQueryFile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_MODELS: dict[str, type[BaseModel]] = {
    "": SavedQueryFile,
    "query": ReportQuery,
    "query.interval": Between,
    "output": Output,
    "delivery": DeliverySettings,
}
_TYPE_MESSAGES = {
    "string_type": "must be text",
    "tuple_type": "must be a list, such as [one, two], or [] for an empty list",
    "model_type": "must hold keys and values",
    "too_short": "must not be empty",
    "int_parsing": "must be a whole number",
}
_MAX_VALUE_LENGTH = 60


def find_key(error: "ErrorDetails", lines: Collection[str]) -> str:
    """Return the key of an error, such as `delivery.send_to[1]`.

    `lines` holds the keys of the file.
    """
    key = ""
    for step in error["loc"]:
        inner = f"{key}[{step}]" if isinstance(step, int) else _join(key, step)
        # Pydantic adds steps that are not in the file, such as the name of a union's branch. A
        # missing key is also not in the file, but it must be named.
        if inner in lines or (error["type"] == "missing" and step == error["loc"][-1]):
            key = inner
    return key


def explain(error: "ErrorDetails", key: str) -> str:
    """Return in one line what is wrong at `key` and what is allowed."""
    name = str(error["loc"][-1])
    parent = key.removesuffix(name).removesuffix(".")
    match error["type"]:
        case "extra_forbidden":
            return _explain_unknown_key(parent, name)
        case "missing":
            return f"is missing: {_describe_key(parent, name)}"
        case _:
            return _explain_value(error)


def _explain_value(error: "ErrorDetails") -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if value is None:
        return "has no value: give one, or remove the key"
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", context["expected"])
        return f"unknown value {_abbreviate(value)}{_suggest(str(value), allowed)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"{_abbreviate(value)} is not a valid currency: use an ISO 4217 code such as USD"
    rule = _TYPE_MESSAGES.get(kind) or re.sub("^[A-Z][a-z]+ should", "must", error["msg"])
    return f"{rule}, not {_abbreviate(value)}"


def _explain_unknown_key(parent: str, name: str) -> str:
    right_parents = [key for key, model in _MODELS.items() if key != parent and name in _list_keys(model)]
    if right_parents:
        place = f"under {right_parents[0]}" if right_parents[0] else "to the top level"
        return f"does not belong here: move it {place}"
    return f"unknown key{_suggest(name, _list_keys(_MODELS[parent]))}"


def _list_keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _describe_key(parent: str, name: str) -> str:
    fields = {field.alias or key: field for key, field in _MODELS[parent].model_fields.items()}
    return (fields[name].description or "it is mandatory").removeprefix("mandatory: ")


def _suggest(word: str, allowed: list[str]) -> str:
    near = get_close_matches(word.lower(), allowed, 1)
    return f"{f', did you mean {near[0]!r}?' if near else ';'} allowed: {', '.join(allowed)}"


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _abbreviate(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"
