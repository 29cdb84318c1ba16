"""The change log: what has changed in `billing` since the current build."""

from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

_IS_MOSTLY_CHANGED = """
    with lifetimes as (
        select
            extract(epoch from %(as_of)s - created_at) as seconds,
            case
                when changed.client_id is null then 0
                else extract(epoch from %(as_of)s - least(
                    greatest(created_at, coalesce(changed_from, created_at)), %(as_of)s
                ))
            end as changed_seconds
        from billing.clients
        left join dynamics.changed_clients as changed using (client_id)
        where created_at < %(as_of)s
    )
    select sum(changed_seconds) > sum(seconds) / 3 from lifetimes
"""

_UNCHANGED_MODELS = """
    select
        count(*) filter (where client_id is null and currency is null) = 0,
        count(*) filter (where currency is not null) = 0,
        count(*) filter (
            where client_id is not null and (changed_from is null or changed_from = 'infinity')
        ) = 0
    from dynamics.pending_changes
"""


def find_unchanged_models(connection: Connection[TupleRow]) -> frozenset[str]:
    """Return the models of small tables whose source is unchanged. A build can skip them."""
    row = connection.execute(_UNCHANGED_MODELS).fetchone() or ()
    models = ("dim_packages", "dim_exchange_rates", "fct_clients")
    return frozenset(model for model, is_unchanged in zip(models, row, strict=True) if is_unchanged)


def is_mostly_changed(connection: Connection[TupleRow], as_of: datetime) -> bool:
    """Return True if more than a third of the lifetime of all clients must be rebuilt.

    An incremental build then takes longer than a full one. `as_of` (aware) is the instant up to
    which `billing` is known. Seconds are summed as numbers, because an interval cannot hold the sum
    of millions of lifetimes.
    """
    return connection.execute(_IS_MOSTLY_CHANGED, {"as_of": as_of}).fetchone() == (True,)
