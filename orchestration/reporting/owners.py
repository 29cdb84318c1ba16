"""Queries by owner: the owners of the clients in scope, and the query restricted to one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.reporting.groups import list_groups
from orchestration.reporting.name_lookup import UnknownName, resolve_filters
from orchestration.reporting.periods import Period
from orchestration.reporting.store_query import StoreQuery

if TYPE_CHECKING:
    from datetime import datetime

    from orchestration.builds.store import Build
    from orchestration.reporting.parameters import ReportQuery


def restrict_to_owner(query: ReportQuery, owner: str) -> ReportQuery:
    """Return the query for the clients of one reseller. `owner` is its name or id."""
    return query.model_copy(update={"owners": (owner,)})


def resolve_owner(build: Build, query: ReportQuery, owner: str, base_currency: str) -> str:
    """Return the id of a reseller, given by name or id, that the query includes.

    Raise UnknownName when the data has no such reseller. Raise it also when the query filters by
    owners and excludes this one: its slice would show clients that the whole report does not.
    """
    (owner_id,) = resolve_filters(build, restrict_to_owner(query, owner), base_currency).owner_ids or [""]
    query_owner_ids = resolve_filters(build, query, base_currency).owner_ids
    if query_owner_ids is not None and owner_id not in query_owner_ids:
        names = ", ".join(map(repr, query.owners))
        raise UnknownName("owners", f"owner {owner!r} is not one of the query's owners: use one of {names}")
    return owner_id


def list_owners_in_scope(
    build: Build, query: ReportQuery, base_currency: str, until: datetime
) -> dict[str, str]:
    """Return the id and name of each reseller that owns a client in scope before `until`.

    Clients without an owner are in no slice.
    """
    filters = resolve_filters(build, query, base_currency)
    period = Period(label="", start=until, end=until, active_since=until, is_known=True)
    store_query = StoreQuery(build, query, filters, list_groups(query, filters), [period])
    with store_query.cursor:
        return dict(store_query.owners())
