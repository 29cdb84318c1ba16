"""Look-up tables that say how many of a report's boundaries an instant has reached.

Time is cut into slots of equal width with at most one boundary in each, so that a join by slot and
one comparison place an instant exactly, whatever the zone. Boundaries are computed in
`reporting.intervals`, never in SQL.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_A_DAY = 86_400_000_000
NEVER = 2**62
"""A boundary that no instant reaches, in microseconds."""


class Slots(NamedTuple):
    """The table of slots: slot number, boundaries reached before and after `boundary`, and the next one.

    Instants are microseconds since 1970, UTC. `boundary` is the first boundary at or after the slot's
    begin. It can lie beyond the slot.
    """

    base: int
    width: int
    count_before: np.ndarray
    count_after: np.ndarray
    boundary: np.ndarray
    next_boundary: np.ndarray


def cut_slots(boundaries: Sequence[int], until: int | None = None, already: int = 0) -> Slots:
    """Return the slots for sorted boundaries, which may coincide.

    `until` is a last boundary that every instant asked about lies before, or at. `already` is added to
    all counts.
    """
    bounds = np.asarray(boundaries, np.int64)
    distinct = np.unique(bounds)
    first = int(distinct[0]) if len(distinct) else (until or 0)
    base = first // MICROSECONDS_A_DAY * MICROSECONDS_A_DAY
    width = MICROSECONDS_A_DAY
    while len(distinct) and np.any(np.diff((distinct - base) // width) == 0):
        width //= 2
    last = max(int(distinct[-1]) if len(distinct) else base, until or base)
    starts = base + width * np.arange((last - base) // width + 1, dtype=np.int64)
    all_bounds = np.append(bounds, [until] if until is not None else []).astype(np.int64)
    padded = np.append(all_bounds, [NEVER])
    before = np.searchsorted(all_bounds, starts, "left")
    boundary = padded[before]
    after = np.searchsorted(all_bounds, boundary, "right")
    return Slots(base, width, before + already, after + already, boundary, padded[after])


def create_slots(cursor: DuckDBPyConnection, name: str, slots: Slots) -> dict[str, Any]:
    """Create the temporary table NAME_slots, and return what the macro NAME_slot asks for."""
    rows = pa.table(
        {
            "slot": pa.array(np.arange(len(slots.boundary), dtype=np.int64)),
            "count_before": pa.array(slots.count_before.astype(np.int32)),
            "count_after": pa.array(slots.count_after.astype(np.int32)),
            "boundary": _instants(slots.boundary),
            "next_boundary": _instants(slots.next_boundary),
        }
    )
    cursor.register("slot_rows", rows)
    cursor.execute(f"create temp table {name}_slots as select * from slot_rows")
    cursor.unregister("slot_rows")
    return {
        f"{name}_base": _EPOCH + timedelta(microseconds=slots.base),
        f"{name}_width": slots.width,
        f"{name}_last": len(slots.boundary) - 1,
    }


def _instants(microseconds: np.ndarray) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us", "UTC"))
