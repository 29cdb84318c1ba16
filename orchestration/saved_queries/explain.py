"""What a model refuses, in words for whoever wrote the file: which key, what is wrong, what is allowed."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic import BaseModel

from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.saved_queries.saved_query import Delivery, Output, SavedQueryFile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_MODELS: dict[str, type[BaseModel]] = {
    "": SavedQueryFile,
    "query": ReportQuery,
    "query.interval": Between,
    "output": Output,
    "delivery": Delivery,
}
_SHAPES = {
    "string_type": "must be text",
    "tuple_type": "must be a list, such as [one, two], or [] for none",
    "model_type": "must hold keys and values",
    "too_short": "must not be empty",
    "int_parsing": "must be a whole number",
}
_LONGEST = 60


def key_of(error: "ErrorDetails", lines: Collection[str]) -> str:
    """The key that an error is about, such as `delivery.send_to[1]`, written as in `lines` (the keys of the file)."""
    key = ""
    for step in error["loc"]:
        inner = f"{key}[{step}]" if isinstance(step, int) else _join(key, step)
        # A step that the file has not is a name of pydantic's for a branch, unless it is what is missing.
        if inner in lines or (error["type"] == "missing" and step == error["loc"][-1]):
            key = inner
    return key


def explain(error: "ErrorDetails", key: str) -> str:
    """What is wrong at `key` and what is allowed, on one line."""
    name = str(error["loc"][-1])
    parent = key.removesuffix(name).removesuffix(".")
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(parent, name)
        case "missing":
            return f"is missing: {_description(parent, name)}"
        case _:
            return _bad_value(error)


def _bad_value(error: "ErrorDetails") -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if value is None:
        return "has no value: give one, or leave the key out"
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"])
        return f"unknown value {_shown(value)}{_hint(str(value), allowed)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} is no ISO 4217 code: three capital letters, such as USD"
    rule = _SHAPES.get(kind) or re.sub("^[A-Z][a-z]+ should", "must", error["msg"])
    return f"{rule}, not {_shown(value)}"


def _unknown_key(parent: str, name: str) -> str:
    elsewhere = [key for key, model in _MODELS.items() if key != parent and name in _keys(model)]
    if elsewhere:
        return (
            f"does not belong here: move it {f'under {elsewhere[0]}' if elsewhere[0] else 'to the top level'}"
        )
    return f"unknown key{_hint(name, _keys(_MODELS[parent]))}"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _description(parent: str, name: str) -> str:
    fields = {field.alias or key: field for key, field in _MODELS[parent].model_fields.items()}
    return (fields[name].description or "it is mandatory").removeprefix("mandatory: ")


def _hint(word: str, allowed: list[str]) -> str:
    near = get_close_matches(word.lower(), allowed, 1)
    return f"{f', did you mean {near[0]!r}?' if near else ';'} allowed: {', '.join(allowed)}"


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
