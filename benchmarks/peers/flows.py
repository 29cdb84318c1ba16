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
_OF_EVERYONE = (
    "select {slot} as slot, n, kind, {quantity} as quantity, sum(value) as value from moved group by 2, 3"
)
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
    return _added(asked, clock.count, connection.execute(text.format(**given)).fetchnumpy())


def month_flow_sums(
    connection: duckdb.DuckDBPyConnection, asked: Asked, clock: Clock, *, scope: str
) -> tuple[Floats, Floats]:
    """Return the same from the table of clients' months, which has sums in the base currency."""
    sums = ", ".join(
        f"sum(quantity_{kind}) as quantity_{kind}, sum(value_{kind}) as value_{kind}" for kind in range(4)
    )
    joins = f"join {clock.name} as clock on clock.step = {clock.step_of('us')}" if clock.count > 1 else ""
    n = "clock.n" if clock.count > 1 else "0"
    within = f"us >= {clock.boundaries[0]} and us < {clock.boundaries[-1]} and {scope}"
    quantities = np.zeros((asked.slots + 1, 4, clock.count))
    values = np.zeros((asked.slots + 1, 4, clock.count))

    def add(text: str, kinds: tuple[int, ...]) -> None:
        found = connection.execute(text).fetchnumpy()
        slot, period = (np.asarray(found[name], dtype=np.int64) for name in ("slot", "n"))
        for kind in kinds:
            np.add.at(
                quantities, (slot, kind, period), np.asarray(found[f"quantity_{kind}"], dtype=np.float64)
            )
            np.add.at(values, (slot, kind, period), np.asarray(found[f"value_{kind}"], dtype=np.float64))

    every, services, packages = (0, 1, 2, 3), (0, 1), (2, 3)
    if asked.everyone or asked.with_rest:
        add(
            f"select {asked.slots - 1} as slot, {n} as n, {sums} from months {joins} where {within} group by 2",
            every,
        )
    if asked.chosen:
        members = f"join members using (cid) where members.n <= {n} and {within}"
        of_members = f"select slot, {n} as n, {sums} from months {joins} {members}"
        add(f"{of_members} and slot <> {asked.subtracted} group by 1, 2", services)
        if asked.with_rest:
            add(f"{of_members} and slot = {asked.subtracted} group by 1, 2", every)
        of_packages = ", ".join(
            f"count(*) filter (kind = {kind}) as quantity_{kind},"
            f" coalesce(sum(amount * rate) filter (kind = {kind}), 0) as value_{kind}"
            for kind in packages
        )
        add(
            f"select slot, {n} as n, {of_packages} from events join chosen using (package)"
            f" join rates on rates.key = currency * 65536 + us // 86400000000 {joins}"
            f" where kind in (2, 3) and {within} group by 1, 2",
            packages,
        )
    return _less_holders(asked, quantities, values)


def _added(asked: Asked, periods: int, found: dict[str, npt.NDArray[np.float64]]) -> tuple[Floats, Floats]:
    """Put rows of slot, period, kind, quantity and value in their places; the rest is everyone less all holders."""
    quantities = np.zeros((asked.slots + 1, 4, periods))
    values = np.zeros((asked.slots + 1, 4, periods))
    place = tuple(np.asarray(found[name], dtype=np.int64) for name in ("slot", "kind", "n"))
    np.add.at(quantities, place, np.asarray(found["quantity"], dtype=np.float64))
    np.add.at(values, place, np.asarray(found["value"], dtype=np.float64))
    return _less_holders(asked, quantities, values)


def _less_holders(asked: Asked, quantities: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Take the holders of any package from the last slot, where it is the rest."""
    if asked.with_rest:
        quantities[asked.slots - 1] -= quantities[asked.subtracted]
        values[asked.slots - 1] -= values[asked.subtracted]
    return quantities[: asked.slots], values[: asked.slots]
