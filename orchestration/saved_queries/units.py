"""Durations and sizes in a saved query, such as `6h` and `10 MB`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_DURATION, _SIZE = r"([1-9]\d{0,3}) ?([mhd])", r"(\d{1,6}) ?(kB|MB)"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_BYTES = {"kb": 1000, "mb": 1_000_000}


def _parse_duration(value: Any) -> Any:
    """Return the duration of a text such as `30m`, `6h` or `2d`. Raise ValueError otherwise."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(_DURATION, value.strip())
    if match is None:
        raise ValueError(
            f"{value!r} is not a valid duration: write a number and m, h or d, such as 30m, 6h or 2d"
        )
    return int(match[1]) * _UNITS[match[2]]


def _parse_size(value: Any) -> Any:
    """Return the bytes of a text such as `500 kB` or `10 MB`. One kB is 1000 bytes.

    Raise ValueError for other texts.
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(_SIZE, value.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(
            f"{value!r} is not a valid size: write a number and kB or MB, such as 500 kB or 10 MB"
        )
    return int(match[1]) * _BYTES[match[2].lower()]


Duration = Annotated[
    timedelta,
    BeforeValidator(_parse_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"}),
]
Size = Annotated[
    int, BeforeValidator(_parse_size), WithJsonSchema({"type": "string", "pattern": f"^{_SIZE}$"})
]
"""A size in bytes."""
