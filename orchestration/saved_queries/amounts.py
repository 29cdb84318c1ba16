"""Durations and sizes as people write them in a saved query: `6h`, `10 MB`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_DURATION, _SIZE = r"([1-9]\d{0,3}) ?([mhd])", r"(\d{1,6}) ?(kB|MB)"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_BYTES = {"kb": 1000, "mb": 1_000_000}


def _duration(value: Any) -> Any:
    """The time that `30m`, `6h` or `2d` says. Raises ValueError for another text."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(_DURATION, value.strip())
    if found is None:
        raise ValueError(f"{value!r} is no duration: write a number and m, h or d, such as 30m, 6h or 2d")
    return int(found[1]) * _UNITS[found[2]]


def _size(value: Any) -> Any:
    """The bytes that `500 kB` or `10 MB` says, a kB of 1000 bytes. Raises ValueError for another text."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(_SIZE, value.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{value!r} is no size: write a number and kB or MB, such as 500 kB or 10 MB")
    return int(found[1]) * _BYTES[found[2].lower()]


Duration = Annotated[
    timedelta, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})
]
Size = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": "string", "pattern": f"^{_SIZE}$"})]
"""Bytes."""
