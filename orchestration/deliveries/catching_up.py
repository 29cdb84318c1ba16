"""Scheduled moments that nobody took care of: which are made up for, which are over, and which still wait.

Dagster's schedules ask for each moment on time. What they missed, because nothing ran, because a run died or because
the data was not ready, is found here, from the saved query's cron and the ledger alone.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import new_snapshot_id
from orchestration.deliveries.freshness import waits_for
from orchestration.mailing.delivery import Header
from orchestration.saved_queries.cron import moments
from orchestration.saved_queries.saved_query import Delivery, SavedQuery

LATE = timedelta(minutes=5)
"""A moment older than this was missed: Dagster has long asked for it, or never will."""
AT_ONCE = 1000
"""Moments of a saved query that one look takes on: a minutely cron after a year has half a million."""
SCHEDULED = "schedule"
"""Who generates the reports of scheduled moments, as snapshots and occurrences record it."""
MISSED = "missed: nothing ran, or its run died; catch_up is {}"
TOO_LATE = "the data was not ready in time, and stale is fail: load and build it, then deliver the report"

_SOON = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(slots=True)
class Plan:
    """What is to happen to the open moments of one saved query, each list in the order of time."""

    at: datetime
    since: datetime
    """Everything before it is over."""
    wait: list[datetime] = field(default_factory=list)
    run: list[datetime] = field(default_factory=list)
    skip: list[datetime] = field(default_factory=list)
    stale: list[datetime] = field(default_factory=list)
    """Waited for data in vain, and `stale: fail`."""
    waiting: list[str] = field(default_factory=list)
    """What data is waited for, in a line each."""


def register(
    connection: Connection[TupleRow],
    saved_queries: Iterable[SavedQuery],
    now: datetime,
    unreadable: Collection[str] = (),
) -> None:
    """Writes down what is scheduled, and since when. The caller commits.

    A saved query that is new, was away, or has another cron or zone begins `now`: its past never fires. The names of
    files that cannot be read at the moment keep what they have: a mistake in a file is no wish to switch it off.
    """
    there = {each.name: each for each in saved_queries if each.delivery and each.delivery.schedule}
    connection.execute("delete from dynamics.schedules where saved_query <> all(%s)", [[*there, *unreadable]])
    for name, saved_query in there.items():
        connection.execute(
            """
            insert into dynamics.schedules as s (saved_query, cron, timezone, since, looked_at)
            values (%s, %s, %s, %s, %s)
            on conflict (saved_query) do update
            set cron = excluded.cron, timezone = excluded.timezone,
                since = excluded.since, looked_at = excluded.looked_at
            where (s.cron, s.timezone) <> (excluded.cron, excluded.timezone)
            """,
            [name, _cron(saved_query), saved_query.schedule_timezone, now, now],
        )


def missed(connection: Connection[TupleRow], saved_query: SavedQuery, now: datetime) -> list[datetime]:
    """The scheduled moments, the oldest 1000, that came more than five minutes ago and have no occurrence."""
    registered = _registered(connection, saved_query)
    found = _moments(saved_query, registered[0], now - LATE) if registered else []
    known = _known(connection, saved_query, found)
    return [moment for moment in found if moment not in known]


def plan(
    connection: Connection[TupleRow], saved_query: SavedQuery, now: datetime, as_of: datetime | None
) -> Plan:
    """What is to be done at `now` about the oldest 1000 open moments; `as_of` is up to when the data is known."""
    registered, delivery = _registered(connection, saved_query), saved_query.delivery
    if registered is None or delivery is None:
        return Plan(now, now)
    since, looked_at = registered
    found = _moments(saved_query, since, now)
    known = _known(connection, saved_query, found)
    # Of more moments than one look takes on, the newest is not among them.
    newest = found[-1] if 0 < len(found) < AT_ONCE else None
    made = Plan(now, since)
    still_open = [found[-1] + _INSTANT if len(found) == AT_ONCE else now - LATE]
    for moment in found:
        if known.get(moment):
            continue
        waits = waits_for(saved_query, moment, as_of)
        if moment in known:  # its run died: whatever catch_up says, what was begun is ended
            fate = "run" if moment <= now - LATE else "wait"
        else:
            fate = _fate(delivery, moment, now, looked_at, newest=moment == newest, waits=bool(waits))
            if fate == "wait" and waits:
                made.waiting.append(waits)
        getattr(made, fate).append(moment)
    still_open += made.run + made.wait
    made.since = max(since, min(still_open))
    return made


def _fate(
    delivery: Delivery, moment: datetime, now: datetime, looked_at: datetime, *, newest: bool, waits: bool
) -> Literal["run", "wait", "skip", "stale"]:
    """What becomes of a moment that came and has no occurrence; `waits`: its data is not there."""
    waited_out = moment + delivery.wait_at_most
    may_wait = delivery.after is not None and moment <= looked_at and now < waited_out + LATE
    missed = moment <= now - LATE and not may_wait
    if missed and (delivery.catch_up == "none" or (delivery.catch_up == "latest" and not newest)):
        return "skip"
    if delivery.after is None:
        return "run" if missed else "wait"
    if moment > now - _SOON or (waits and now < waited_out):
        return "wait"
    return "stale" if waits and delivery.stale == "fail" else "run"


def settle(connection: Connection[TupleRow], saved_query: SavedQuery, planned: Plan) -> None:
    """Records the moments of a plan that nobody is mailed, for every recipient with the reason, and what is over.

    The caller commits.
    """
    delivery = saved_query.delivery
    if delivery is None:
        return
    _close(connection, saved_query, planned.skip, "skipped", MISSED.format(delivery.catch_up))
    _close(connection, saved_query, planned.stale, "failed", TOO_LATE)
    connection.execute(
        "update dynamics.schedules set since = %s, looked_at = %s where saved_query = %s",
        [planned.since, planned.at, saved_query.name],
    )


def recipients_of(delivery: Delivery) -> dict[str, list[tuple[str, Header]]]:
    """Everybody who is mailed, with the header, by slice: "" for the whole report, owners as the mapping calls them."""
    groups: list[tuple[Header, Sequence[str]]] = [
        ("to", delivery.send_to),
        ("cc", delivery.cc),
        ("bcc", delivery.bcc),
    ]
    whole = [(address, header) for header, addresses in groups for address in addresses]
    of_owners = {owner: [(address, "to") for address in each] for owner, each in delivery.owners.items()}
    return {"": whole, **of_owners}  # type: ignore[dict-item] # "to" is a Header


def _close(
    connection: Connection[TupleRow],
    saved_query: SavedQuery,
    at: Sequence[datetime],
    state: str,
    reason: str,
) -> None:
    """Makes occurrences that are over, with a row for each recipient; one that is there by now is left alone."""
    if not at or saved_query.delivery is None:
        return
    for owner, recipients in recipients_of(saved_query.delivery).items():
        connection.execute(
            """
            with closed as (
                insert into dynamics.occurrences (saved_query, scheduled_at, slice, snapshot_id, generated_by)
                select %(saved_query)s, scheduled_at, %(slice)s, snapshot_id, %(by)s
                from unnest(%(at)s::timestamptz[], %(ids)s::text[]) as missed (scheduled_at, snapshot_id)
                on conflict (saved_query, scheduled_at, edition, slice) where purpose = 'delivery' do nothing
                returning occurrence_id
            )
            insert into dynamics.deliveries (occurrence_id, recipient, header, state, reply, finished_at)
            select occurrence_id, recipient, header, %(state)s, %(reason)s, now()
            from closed, unnest(%(recipients)s::text[], %(headers)s::text[]) as asked (recipient, header)
            """,
            {
                "saved_query": saved_query.name,
                "slice": owner,
                "by": SCHEDULED,
                "at": list(at),
                "ids": [new_snapshot_id() for _ in at],
                "state": state,
                "reason": reason,
                "recipients": [address for address, _ in recipients],
                "headers": [header for _, header in recipients],
            },
        )


def _known(
    connection: Connection[TupleRow], saved_query: SavedQuery, at: Sequence[datetime]
) -> dict[datetime, bool]:
    """The moments that have an occurrence, or a failure that was told, and whether they are over.

    A scheduled occurrence is over when its recipients have rows. What was made by hand is nobody's to end.
    """
    rows = connection.execute(
        """
        select scheduled_at, bool_or(over) from (
            select scheduled_at, generated_by <> %(by)s or exists (
                select from dynamics.deliveries d where d.occurrence_id = o.occurrence_id
            ) as over
            from dynamics.occurrences o
            where purpose = 'delivery' and slice = '' and saved_query = %(name)s and scheduled_at = any(%(at)s)
            union all
            select scheduled_at, true from dynamics.failures
            where saved_query = %(name)s and scheduled_at = any(%(at)s)
        ) as known
        group by scheduled_at
        """,
        {"by": SCHEDULED, "name": saved_query.name, "at": list(at)},
    )
    return dict(rows.fetchall())


def _registered(
    connection: Connection[TupleRow], saved_query: SavedQuery
) -> tuple[datetime, datetime] | None:
    """Since when it fires, and when that was last looked at; None for one that is not registered as it is now."""
    row = connection.execute(
        "select since, looked_at from dynamics.schedules where (saved_query, cron, timezone) = (%s, %s, %s)",
        [saved_query.name, _cron(saved_query), saved_query.schedule_timezone],
    ).fetchone()
    return (row[0], row[1]) if row else None


def _moments(saved_query: SavedQuery, since: datetime, until: datetime) -> list[datetime]:
    """The oldest of the moments from `since` to `until`, both inclusive."""
    all_of_them = moments(_cron(saved_query), saved_query.schedule_timezone, since, until + _INSTANT)
    return list(islice(all_of_them, AT_ONCE))


def _cron(saved_query: SavedQuery) -> str:
    return (saved_query.delivery and saved_query.delivery.schedule) or ""
