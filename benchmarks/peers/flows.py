"""Flows: refills, usage, activations and renewals, converted at the rate of their day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import numpy.typing as npt

    from benchmarks.peers.peer_query import PeerQuery, PeriodTable

    Floats = npt.NDArray[np.float64]

REFILL, USAGE, ACTIVATION, RENEWAL = 1, 0, 3, 2
"""The numbers of the kinds, as in `KINDS`."""

_MOVED = """
    select cid, {n} as n, kind, package, {value} as value
    from {moves} as moves {joins}
    where us >= {first_start} and us < {last_end} and kind <= 3 and {scope}
"""
_OF_EVERYONE = "select {group_number} as group_number, n, kind, {quantity} as quantity, sum(value) as value from moved group by 2, 3"
_OF_PACKAGES = """
    select group_number, n, kind, {quantity} as quantity, sum(value) as value
    from moved join chosen using (package)
    where kind in (2, 3) group by 1, 2, 3
"""
_OF_MEMBERS = """
    select group_number, moved.n, kind, {quantity} as quantity, sum(value) as value
    from moved join members using (cid)
    where members.n <= moved.n and (kind in (0, 1) or group_number = {subtracted})
    group by 1, 2, 3
"""


def flow_sums(
    connection: duckdb.DuckDBPyConnection,
    query: PeerQuery,
    period_table: PeriodTable,
    *,
    moves: str,
    scope: str,
    value: str,
) -> tuple[Floats, Floats]:
    """Return quantities and sums in the report currency, each [group, kind, period].

    `moves` is a relation with cid, us, kind, package and the columns of `value`. The table `rates`
    has the rates by currency * 65536 + day.
    """
    parts = []
    if query.everyone or query.with_rest:
        parts.append(_OF_EVERYONE)
    if query.chosen:
        parts += [_OF_PACKAGES, _OF_MEMBERS]
    joins = "join rates on rates.key = currency * 65536 + us // 86400000000"
    if period_table.count > 1:
        joins += (
            f" join {period_table.name} as period_table on period_table.step = {period_table.step_of('us')}"
        )
    values = {
        "n": "period_table.n" if period_table.count > 1 else "0",
        "moves": moves,
        "scope": scope,
        "value": value,
        "joins": joins,
        "first_start": period_table.boundaries[0],
        "last_end": period_table.boundaries[-1],
        "group_number": query.group_count - 1,
        "subtracted": query.subtracted if query.with_rest else -1,
        "quantity": "count(*)",
    }
    text = f"with moved as ({_MOVED}) " + " union all ".join(parts)
    return _sum_rows(query, period_table.count, connection.execute(text.format(**values)).fetchnumpy())


def month_flow_sums(
    connection: duckdb.DuckDBPyConnection, query: PeerQuery, period_table: PeriodTable, *, scope: str
) -> tuple[Floats, Floats]:
    """Return the same from the months of clients, which have sums in the base currency."""
    sums = ", ".join(
        f"sum(quantity_{kind}) as quantity_{kind}, sum(value_{kind}) as value_{kind}" for kind in range(4)
    )
    joins = (
        f"join {period_table.name} as period_table on period_table.step = {period_table.step_of('us')}"
        if period_table.count > 1
        else ""
    )
    n = "period_table.n" if period_table.count > 1 else "0"
    within = f"us >= {period_table.boundaries[0]} and us < {period_table.boundaries[-1]} and {scope}"
    quantities = np.zeros((query.group_count + 1, 4, period_table.count))
    values = np.zeros((query.group_count + 1, 4, period_table.count))

    def add(text: str, kinds: tuple[int, ...]) -> None:
        rows = connection.execute(text).fetchnumpy()
        group_number, period = (np.asarray(rows[name], dtype=np.int64) for name in ("group_number", "n"))
        for kind in kinds:
            np.add.at(
                quantities[:, kind],
                (group_number, period),
                np.asarray(rows[f"quantity_{kind}"], dtype=np.float64),
            )
            np.add.at(
                values[:, kind],
                (group_number, period),
                np.asarray(rows[f"value_{kind}"], dtype=np.float64),
            )

    every, services, packages = (0, 1, 2, 3), (0, 1), (2, 3)
    if query.everyone or query.with_rest:
        add(
            f"select {query.group_count - 1} as group_number, {n} as n, {sums} from months {joins} where {within} group by 2",
            every,
        )
    if query.chosen:
        members = f"join members using (cid) where members.n <= {n} and {within}"
        of_members = f"select group_number, {n} as n, {sums} from months {joins} {members}"
        add(f"{of_members} and group_number <> {query.subtracted} group by 1, 2", services)
        if query.with_rest:
            add(f"{of_members} and group_number = {query.subtracted} group by 1, 2", every)
        of_packages = ", ".join(
            f"count(*) filter (kind = {kind}) as quantity_{kind},"
            f" coalesce(sum(amount * rate) filter (kind = {kind}), 0) as value_{kind}"
            for kind in packages
        )
        add(
            f"select group_number, {n} as n, {of_packages} from events join chosen using (package)"
            f" join rates on rates.key = currency * 65536 + us // 86400000000 {joins}"
            f" where kind in (2, 3) and {within} group by 1, 2",
            packages,
        )
    return _subtract_holders(query, quantities, values)


def _sum_rows(query: PeerQuery, periods: int, rows: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Return quantities and values [group, kind, period] of rows with these columns."""
    quantities = np.zeros((query.group_count + 1, 4, periods))
    values = np.zeros((query.group_count + 1, 4, periods))
    index = tuple(np.asarray(rows[name], dtype=np.int64) for name in ("group_number", "kind", "n"))
    np.add.at(quantities, index, np.asarray(rows["quantity"], dtype=np.float64))
    np.add.at(values, index, np.asarray(rows["value"], dtype=np.float64))
    return _subtract_holders(query, quantities, values)


def _subtract_holders(query: PeerQuery, quantities: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Subtract the holders of any package from the last group, if that is `No package`."""
    if query.with_rest:
        quantities[query.group_count - 1] -= quantities[query.subtracted]
        values[query.group_count - 1] -= values[query.subtracted]
    return quantities[: query.group_count], values[: query.group_count]
