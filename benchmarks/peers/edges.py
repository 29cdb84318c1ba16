"""Cohorts from edges: events change sums, and running sums give the periods.

The work grows with the events in the interval, never with events times periods. A relation of
states has the state after and the state before each event of a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from benchmarks.peers.duck import create_table

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from benchmarks.peers.peer_query import PeerQuery, PeriodTable

    Ints = npt.NDArray[np.int64]

ALL, OVERALL, ACTIVE = 0, 1, 2
CREATED, MEMBERS, POSITIVE, NEGATIVE = 0, 1, 2, 3

# At an edge the state after an event is added, and the state before it is subtracted. The first
# state in a group has none before it. Grouping by one packed key is faster than by its parts.
_EDGES = """
    select
        (({group_number}::bigint * {currencies} + currency) * {periods} + {n}) * 256
            + (case when paid >= {since} then 2 when paid > 0 then 1 else 0 end) * 64
            + (case when not {is_change} then 0 when old_paid >= {since} then 2 when old_paid > 0 then 1 else 0 end) * 16
            + created * 8 + member * 4
            + case when {is_change} then old_created * 2 + old_member else 0 end as key,
        count(*) as quantity,
        sum(greatest(balance, 0))::bigint as positive,
        sum(balance)::bigint as balance,
        sum(case when {is_change} then greatest(old_balance, 0) else 0 end)::bigint as old_positive,
        sum(case when {is_change} then old_balance else 0 end)::bigint as old_balance
    from {states} as states {joins}
    where us < {last_end} and until_us >= {holds_at} and {scope}
    group by 1
"""

# A client without a paid service lapses in a later period that has no event.
_LAPSES = """
    with lapsed as (
        select cid, currency, created, member, balance, until_us, k, boundary
        from (select * from {states} as states where us < {last_end} and until_us >= {first_end} and paid > 0 and {scope} and {can_lapse})
        asof join {lapse_table} as lapses on paid >= lapses.since
        where us < boundary and boundary <= until_us
    )
    select
        (({group_number}::bigint * {currencies} + currency) * {periods} + k) * 4 + created * 2 + member as key,
        count(*) as quantity,
        sum(greatest(balance, 0))::bigint as positive,
        sum(balance)::bigint as balance
    from lapsed {members}
    where {is_member}
    group by 1
"""


def cohort_sums(
    connection: duckdb.DuckDBPyConnection,
    query: PeerQuery,
    period_table: PeriodTable,
    *,
    states: str,
    scope: str,
    can_lapse: str,
    currencies: int,
) -> Ints:
    """Return the sums [group, cohort, measure, currency, period].

    `period_table` has the instants of the relation `states`. `scope` is SQL that chooses its rows.
    `can_lapse` is SQL that is true for every state in which a client can lapse, and for few others.
    With packages the table `members` has the clients of each group: cid, group_number, and n, since
    and ends of the first period of the membership.
    """
    sums = np.zeros((query.group_count + 1, 3, 4, currencies, period_table.count), dtype=np.int64)
    _create_lapses(connection, period_table)
    passes = ([True] if query.chosen else []) + ([False] if query.everyone or query.with_rest else [])
    for with_members in passes:
        common = {
            "states": states,
            "scope": scope,
            "can_lapse": can_lapse,
            "currencies": currencies,
            "periods": period_table.count,
            "first_end": period_table.boundaries[1],
            "last_end": period_table.boundaries[-1],
            "lapse_table": f"{period_table.name}_lapses",
            "group_number": "group_number" if with_members else query.group_count - 1,
            "members": "join members using (cid)" if with_members else "",
        }
        edges = _EDGES.format(**common, **_build_joins(period_table, with_members=with_members))
        _add_edges(sums, connection.execute(edges).fetchnumpy())
        if period_table.count > 1:
            is_member = "members.ends <= boundary" if with_members else "true"
            lapses = _LAPSES.format(**common, is_member=is_member)
            _add_lapses(sums, connection.execute(lapses).fetchnumpy())
    if query.with_rest:
        sums[query.group_count - 1] -= sums[query.subtracted]
    return np.cumsum(sums[: query.group_count], axis=-1)


def _build_joins(period_table: PeriodTable, *, with_members: bool) -> dict[str, str]:
    """Return the parts of the statement that depend on members and on the number of periods."""
    many = period_table.count > 1
    clock_join = (
        f"join {period_table.name} as period_table on period_table.step = {period_table.step_of('us')}"
        if many
        else ""
    )
    since = "period_table.since" if many else str(period_table.since[0])
    if not with_members:
        first_end = str(period_table.boundaries[1])
        parts = {"n": "period_table.n" if many else "0", "since": since, "holds_at": first_end}
        return parts | {"is_change": f"(us >= {first_end})", "joins": clock_join}
    is_change = "(us >= members.ends)"
    return {
        "n": f"case when {is_change} then period_table.n else members.n end" if many else "0",
        "since": f"(case when {is_change} then period_table.since else members.since end)" if many else since,
        "holds_at": "members.ends",
        "is_change": is_change,
        "joins": f"join members using (cid) {clock_join}",
    }


def _create_lapses(connection: duckdb.DuckDBPyConnection, period_table: PeriodTable) -> None:
    """Create the table of the periods at the start of which a client can lapse.

    A client with its last paid service in [since of period k - 1, since of period k) is active
    until period k.
    """
    rows = [
        (since, k, period_table.boundaries[k])
        for k, since in enumerate(period_table.since[:-1], start=1)
        if since < period_table.since[k]
    ]
    # A client that is active until the end does not lapse: no state is before the boundary 0.
    rows.append((period_table.since[-1], period_table.count, 0))
    since, k, boundary = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    table = pa.table({"since": since, "k": k, "boundary": boundary})
    create_table(connection, f"{period_table.name}_lapses", table)


def _add_edges(sums: Ints, rows: dict[str, Any]) -> None:
    keys, flags = np.divmod(rows["key"], 256)
    group_number, currency, n = _unpack_keys(sums, keys)
    level, old_level = flags >> 6, (flags >> 4) & 3
    count = rows["quantity"]
    after = [count * ((flags >> 3) & 1), count * ((flags >> 2) & 1)]
    after += [rows["positive"], rows["balance"] - rows["positive"]]
    before = [count * ((flags >> 1) & 1), count * (flags & 1)]
    before += [rows["old_positive"], rows["old_balance"] - rows["old_positive"]]
    for cohort in (ALL, OVERALL, ACTIVE):
        for measure in range(4):
            change = after[measure] * (level >= cohort) - before[measure] * (old_level >= cohort)
            np.add.at(sums[:, cohort, measure], (group_number, currency, n), change)


def _add_lapses(sums: Ints, rows: dict[str, Any]) -> None:
    keys, flags = np.divmod(rows["key"], 4)
    group_number, currency, n = _unpack_keys(sums, keys)
    lapsed = [rows["quantity"] * (flags >> 1), rows["quantity"] * (flags & 1)]
    lapsed += [rows["positive"], rows["balance"] - rows["positive"]]
    for measure in range(4):
        np.subtract.at(sums[:, ACTIVE, measure], (group_number, currency, n), lapsed[measure])


def _unpack_keys(sums: Ints, keys: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the groups, the currencies and the periods of packed keys."""
    keys, n = np.divmod(keys, sums.shape[4])
    group_number, currency = np.divmod(keys, sums.shape[3])
    return group_number, currency, n
