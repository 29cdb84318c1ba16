"""Look-up tables that say how many of a report's boundaries an instant has reached.

A slot is half a UTC day, and holds one boundary at most: days of a timezone are longer than that.
A join by slot and one comparison then place an instant exactly, whatever the zone. Boundaries are
computed in `reporting.intervals`, never in SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

SLOT = 43_200_000_000
"""Microseconds."""


class Slots(NamedTuple):
    """The boundaries from slot `first` to slot `last`, both included.

    For each slot: the boundaries reached before and from `boundary` on, and the boundary after it.
    `boundary` is the first one at or after the slot's begin. It can lie beyond the slot. Where there is
    none, it is the last instant.
    """

    first: int
    last: int
    count_before: np.ndarray
    count_after: np.ndarray
    boundary: np.ndarray
    next_boundary: np.ndarray


def cut_slots(boundaries: Sequence[int], first_instant: int, last_instant: int) -> Slots:
    """Return the slots from the first to the last instant.

    `boundaries` are sorted and can coincide. All numbers are microseconds since 1970, UTC. Raises
    ValueError when two different boundaries lie in one slot.
    """
    bounds = np.asarray(boundaries, np.int64)
    if np.any((np.diff(bounds) > 0) & (np.diff(bounds // SLOT) == 0)):
        raise ValueError("two boundaries lie in one slot")
    first, last = first_instant // SLOT, last_instant // SLOT
    padded = np.append(bounds, [last_instant])
    before = np.searchsorted(bounds, np.arange(first, last + 1) * SLOT, "left")
    boundary = padded[before]
    after = np.searchsorted(bounds, boundary, "right")
    return Slots(first, last, before, after, boundary, padded[after])


def create_slots(cursor: DuckDBPyConnection, name: str, slots: Slots) -> None:
    """Create the temporary table NAME_slots. `utc_day` is the day of the slot, since 1970."""
    numbers = np.arange(slots.first, slots.last + 1)
    rows = pa.table(
        {
            "slot": pa.array(numbers),
            "utc_day": pa.array((numbers // 2).astype(np.int32)),
            "count_before": pa.array(slots.count_before.astype(np.int32)),
            "count_after": pa.array(slots.count_after.astype(np.int32)),
            "boundary": _instants(slots.boundary),
            "next_boundary": _instants(slots.next_boundary),
        }
    )
    cursor.register("slot_rows", rows)
    cursor.execute(f"create temp table {name}_slots as select * from slot_rows")
    cursor.unregister("slot_rows")


def _instants(microseconds: np.ndarray) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us", "UTC"))
