"""How much of the clients' history has changed since the last build."""

from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

_IS_MOSTLY_CHANGED = """
    with lived as (
        select
            extract(epoch from %(as_of)s - created_at) as seconds,
            case
                when changed.client_id is null then 0
                else extract(epoch from %(as_of)s - least(greatest(created_at, coalesce(since, created_at)), %(as_of)s))
            end as changed_seconds
        from billing.clients
        left join dynamics.changed_clients as changed using (client_id)
        where created_at < %(as_of)s
    )
    select sum(changed_seconds) > sum(seconds) / 3 from lived
"""


def is_mostly_changed(connection: Connection[TupleRow], as_of: datetime) -> bool:
    """Return True when more than a third of the time that clients have lived through must be rebuilt.

    From there on an incremental build takes longer than a full one. Seconds are summed as numbers: the sum of the
    lives of two million clients does not fit an interval. `as_of` (aware) is up to when `billing` is known.
    """
    return connection.execute(_IS_MOSTLY_CHANGED, {"as_of": as_of}).fetchone() == (True,)
