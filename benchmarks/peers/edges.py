"""Cohorts from edges: each event changes a sum from its period on, and the periods' sums are run up at the end.

The work is the number of events in the interval, never events times periods. A relation of states has for each
event of a client the state after it and the state before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from benchmarks.peers.duck import create_table

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from benchmarks.peers.asked import Asked, Clock

    Ints = npt.NDArray[np.int64]

ALL, OVERALL, ACTIVE = 0, 1, 2
CREATED, MEMBERS, POSITIVE, NEGATIVE = 0, 1, 2, 3

# An edge: the state after an event is added, the state before it is subtracted. The first state that counts in a slot
# has none before it. One packed key is much faster to group by than its parts.
_EDGES = """
    select
        (({slot}::bigint * {currencies} + currency) * {periods} + {n}) * 256
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

# A client that pays for nothing stops being active in a later period, without an event there.
_LAPSES = """
    with lapsed as (
        select cid, currency, created, member, balance, until_us, k, boundary
        from (select * from {states} as states where us < {last_end} and until_us >= {first_end} and paid > 0 and {scope} and {can_lapse})
        asof join {lapse_table} as lapses on paid >= lapses.since
        where us < boundary and boundary <= until_us
    )
    select
        (({slot}::bigint * {currencies} + currency) * {periods} + k) * 4 + created * 2 + member as key,
        count(*) as quantity,
        sum(greatest(balance, 0))::bigint as positive,
        sum(balance)::bigint as balance
    from lapsed {members}
    where {is_member}
    group by 1
"""


def cohort_sums(
    connection: duckdb.DuckDBPyConnection,
    asked: Asked,
    clock: Clock,
    *,
    states: str,
    scope: str,
    can_lapse: str,
    currencies: int,
) -> Ints:
    """Return the sums [slot, cohort, measure, currency, period].

    `clock` is of the instants in the relation `states`. `scope` is SQL that chooses its rows. `can_lapse` is SQL that
    is true of every state after which activity can lapse, and of few others. With packages there is a table
    `members` of the clients in each slot: cid, slot, n, since and ends of the first period in which they are.
    """
    sums = np.zeros((asked.slots + 1, 3, 4, currencies, clock.count), dtype=np.int64)
    _create_lapses(connection, clock)
    passes = ([True] if asked.chosen else []) + ([False] if asked.everyone or asked.with_rest else [])
    for with_members in passes:
        common = {
            "states": states,
            "scope": scope,
            "can_lapse": can_lapse,
            "currencies": currencies,
            "periods": clock.count,
            "first_end": clock.boundaries[1],
            "last_end": clock.boundaries[-1],
            "lapse_table": f"{clock.name}_lapses",
            "slot": "slot" if with_members else asked.slots - 1,
            "members": "join members using (cid)" if with_members else "",
        }
        edges = _EDGES.format(**common, **_joined(clock, with_members=with_members))
        _add_edges(sums, connection.execute(edges).fetchnumpy())
        if clock.count > 1:
            is_member = "members.ends <= boundary" if with_members else "true"
            lapses = _LAPSES.format(**common, is_member=is_member)
            _add_lapses(sums, connection.execute(lapses).fetchnumpy())
    if asked.with_rest:
        sums[asked.slots - 1] -= sums[asked.subtracted]
    return np.cumsum(sums[: asked.slots], axis=-1)


def _joined(clock: Clock, *, with_members: bool) -> dict[str, str]:
    """Return the parts of the statement that depend on whether there are members and more than one period."""
    many = clock.count > 1
    clock_join = f"join {clock.name} as clock on clock.step = {clock.step_of('us')}" if many else ""
    since = "clock.since" if many else str(clock.since[0])
    if not with_members:
        first_end = str(clock.boundaries[1])
        parts = {"n": "clock.n" if many else "0", "since": since, "holds_at": first_end}
        return parts | {"is_change": f"(us >= {first_end})", "joins": clock_join}
    is_change = "(us >= members.ends)"
    return {
        "n": f"case when {is_change} then clock.n else members.n end" if many else "0",
        "since": f"(case when {is_change} then clock.since else members.since end)" if many else since,
        "holds_at": "members.ends",
        "is_change": is_change,
        "joins": f"join members using (cid) {clock_join}",
    }


def _create_lapses(connection: duckdb.DuckDBPyConnection, clock: Clock) -> None:
    """Create the table of the periods at whose begin activity can lapse, by the first instant that is too late for it.

    A client whose last paid service lies in [since of period k - 1, since of period k) is active until period k.
    """
    rows = [
        (since, k, clock.boundaries[k])
        for k, since in enumerate(clock.since[:-1], start=1)
        if since < clock.since[k]
    ]
    # Activity that lasts until the end of the report does not lapse: no state is before the boundary 0.
    rows.append((clock.since[-1], clock.count, 0))
    since, k, boundary = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    table = pa.table({"since": since, "k": k, "boundary": boundary})
    create_table(connection, f"{clock.name}_lapses", table)


def _add_edges(sums: Ints, found: dict[str, Any]) -> None:
    places, flags = np.divmod(found["key"], 256)
    slot, currency, n = _places(sums, places)
    level, old_level = flags >> 6, (flags >> 4) & 3
    count = found["quantity"]
    after = [count * ((flags >> 3) & 1), count * ((flags >> 2) & 1)]
    after += [found["positive"], found["balance"] - found["positive"]]
    before = [count * ((flags >> 1) & 1), count * (flags & 1)]
    before += [found["old_positive"], found["old_balance"] - found["old_positive"]]
    for cohort in (ALL, OVERALL, ACTIVE):
        for measure in range(4):
            change = after[measure] * (level >= cohort) - before[measure] * (old_level >= cohort)
            np.add.at(sums[:, cohort, measure], (slot, currency, n), change)


def _add_lapses(sums: Ints, found: dict[str, Any]) -> None:
    places, flags = np.divmod(found["key"], 4)
    slot, currency, n = _places(sums, places)
    gone = [found["quantity"] * (flags >> 1), found["quantity"] * (flags & 1)]
    gone += [found["positive"], found["balance"] - found["positive"]]
    for measure in range(4):
        np.subtract.at(sums[:, ACTIVE, measure], (slot, currency, n), gone[measure])


def _places(sums: Ints, place: Ints) -> tuple[Ints, Ints, Ints]:
    """Unpack the slot, the currency and the period of a key."""
    place, n = np.divmod(place, sums.shape[4])
    slot, currency = np.divmod(place, sums.shape[3])
    return slot, currency, n
