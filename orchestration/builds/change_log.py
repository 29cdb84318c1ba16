"""What has changed in `billing` since the last finished build."""

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

_UNCHANGED_MODELS = """
    select
        count(*) filter (where client_id is null and currency is null) = 0,
        count(*) filter (where currency is not null) = 0,
        count(*) filter (where client_id is not null and (since is null or since = 'infinity')) = 0
    from dynamics.changes
"""


def unchanged_models(connection: Connection[TupleRow]) -> frozenset[str]:
    """Return the models of small tables that an incremental build can leave as they are."""
    row = connection.execute(_UNCHANGED_MODELS).fetchone() or ()
    models = ("dim_packages", "dim_exchange_rates", "fct_clients")
    return frozenset(model for model, is_unchanged in zip(models, row, strict=True) if is_unchanged)


def is_mostly_changed(connection: Connection[TupleRow], as_of: datetime) -> bool:
    """Return True when more than a third of the lifetime of all clients must be rebuilt.

    From there on an incremental build takes longer than a full one. Seconds are summed as numbers:
    the lifetime of two million clients does not fit an interval. `as_of` (aware) is up to when
    `billing` is known.
    """
    return connection.execute(_IS_MOSTLY_CHANGED, {"as_of": as_of}).fetchone() == (True,)
