"""Look-up tables that count how many boundaries of a report an instant has reached.

A slot is half a UTC day. It holds at most one boundary, because no time zone has a shorter day. A
join by slot and one comparison therefore place an instant exactly, in every time zone. Boundaries
are computed in `reporting.intervals`, never in SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

SLOT_MICROSECONDS = 43_200_000_000
"""The length of a slot."""


class Slots(NamedTuple):
    """The slots from `first` to `last`, both included, numbered from 1970.

    Each array has one value a slot. `boundary` is the first boundary at or after the start of the
    slot. It can lie after the end of the slot. An instant in the slot has reached `count_before`
    boundaries if it is before `boundary`, and `count_after` otherwise. `next_boundary` is the first
    boundary after `boundary`. The last instant of the table replaces boundaries that do not exist.
    """

    first: int
    last: int
    count_before: np.ndarray
    count_after: np.ndarray
    boundary: np.ndarray
    next_boundary: np.ndarray


def build_slots(boundaries: Sequence[int], first_instant: int, last_instant: int) -> Slots:
    """Return the slots from the first to the last instant.

    All numbers are microseconds since 1970, UTC. `boundaries` are sorted and can be equal. Raise
    ValueError when two different boundaries lie in one slot.
    """
    bounds = np.asarray(boundaries, np.int64)
    if np.any((np.diff(bounds) > 0) & (np.diff(bounds // SLOT_MICROSECONDS) == 0)):
        raise ValueError("two boundaries lie in one slot")
    first, last = first_instant // SLOT_MICROSECONDS, last_instant // SLOT_MICROSECONDS
    padded = np.append(bounds, [last_instant])
    count_before = np.searchsorted(bounds, np.arange(first, last + 1) * SLOT_MICROSECONDS, "left")
    boundary = padded[count_before]
    count_after = np.searchsorted(bounds, boundary, "right")
    return Slots(first, last, count_before, count_after, boundary, padded[count_after])


def create_slot_table(
    cursor: DuckDBPyConnection, name: Literal["end_slots", "active_slots"], slots: Slots
) -> None:
    """Create the temporary table `name`. Its column `utc_day` counts the UTC days since 1970."""
    numbers = np.arange(slots.first, slots.last + 1)
    rows = pa.table(
        {
            "slot": pa.array(numbers),
            "utc_day": pa.array((numbers // 2).astype(np.int32)),
            "count_before": pa.array(slots.count_before.astype(np.int32)),
            "count_after": pa.array(slots.count_after.astype(np.int32)),
            "boundary": _to_timestamps(slots.boundary),
            "next_boundary": _to_timestamps(slots.next_boundary),
        }
    )
    cursor.register("slot_rows", rows)
    cursor.execute(f"create temp table {name} as select * from slot_rows")
    cursor.unregister("slot_rows")


def _to_timestamps(microseconds: np.ndarray) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us", "UTC"))
