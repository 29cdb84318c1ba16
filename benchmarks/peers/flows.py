"""Flows: refills, usage, activations and renewals, converted at the rate of each transaction's day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from benchmarks.peers.asked import Asked, Clock

    Floats = npt.NDArray[np.float64]

REFILL, USAGE, ACTIVATION, RENEWAL = 1, 0, 3, 2
"""The numbers of the kinds, as in `KINDS`."""

_MOVED = """
    select cid, {n} as n, kind, package, {value} as value
    from {moves} as moves {joins}
    where us >= {first_start} and us < {last_end} and kind <= 3 and {scope}
"""
_OF_EVERYONE = "select {slot} as slot, n, kind, {quantity} as quantity, sum(value) as value from moved group by 2, 3"
_OF_PACKAGES = """
    select slot, n, kind, {quantity} as quantity, sum(value) as value
    from moved join chosen using (package)
    where kind in (2, 3) group by 1, 2, 3
"""
_OF_MEMBERS = """
    select slot, moved.n, kind, {quantity} as quantity, sum(value) as value
    from moved join members using (cid)
    where members.n <= moved.n and (kind in (0, 1) or slot = {subtracted})
    group by 1, 2, 3
"""


def flow_sums(
    connection: duckdb.DuckDBPyConnection, asked: Asked, clock: Clock, *, moves: str, scope: str, value: str
) -> tuple[Floats, Floats]:
    """Return quantities and sums in the report's currency, each [slot, kind, period].

    `moves` is a relation with cid, us, kind, package and what `value` needs. A table `rates` has the day's
    rates by currency * 65536 + day.
    """
    parts = []
    if asked.everyone or asked.with_rest:
        parts.append(_OF_EVERYONE)
    if asked.chosen:
        parts += [_OF_PACKAGES, _OF_MEMBERS]
    joins = "join rates on rates.key = currency * 65536 + us // 86400000000"
    if clock.count > 1:
        joins += f" join {clock.name} as clock on clock.step = {clock.step_of('us')}"
    given = {
        "n": "clock.n" if clock.count > 1 else "0",
        "moves": moves,
        "scope": scope,
        "value": value,
        "joins": joins,
        "first_start": clock.boundaries[0],
        "last_end": clock.boundaries[-1],
        "slot": asked.slots - 1,
        "subtracted": asked.subtracted if asked.with_rest else -1,
        "quantity": "count(*)",
    }
    text = f"with moved as ({_MOVED}) " + " union all ".join(parts)
    return added(asked, clock.count, connection.execute(text.format(**given)).fetchnumpy())


def added(asked: Asked, periods: int, found: dict[str, npt.NDArray[np.float64]]) -> tuple[Floats, Floats]:
    """Put rows of slot, period, kind, quantity and value in their places; the rest is everyone less all holders."""
    quantities = np.zeros((asked.slots + 1, 4, periods))
    values = np.zeros((asked.slots + 1, 4, periods))
    place = tuple(np.asarray(found[name], dtype=np.int64) for name in ("slot", "kind", "n"))
    np.add.at(quantities, place, np.asarray(found["quantity"], dtype=np.float64))
    np.add.at(values, place, np.asarray(found["value"], dtype=np.float64))
    if asked.with_rest:
        quantities[asked.slots - 1] -= quantities[asked.subtracted]
        values[asked.slots - 1] -= values[asked.subtracted]
    return quantities[: asked.slots], values[: asked.slots]
