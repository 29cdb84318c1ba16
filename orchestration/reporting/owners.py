"""A query cut by owner: which resellers its clients belong to, and the same query for one of them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.reporting.groups import groups_of
from orchestration.reporting.periods import Period
from orchestration.reporting.resolve import UnknownName, resolve_filters
from orchestration.reporting.store_query import StoreQuery

if TYPE_CHECKING:
    from datetime import datetime

    from orchestration.builds.store import Build
    from orchestration.reporting.parameters import ReportQuery


def query_of_owner(query: ReportQuery, owner: str) -> ReportQuery:
    """Return the query for the clients of that reseller (name or id) alone."""
    return query.model_copy(update={"owners": (owner,)})


def owner_id(build: Build, query: ReportQuery, owner: str, base_currency: str) -> str:
    """Return the id of a reseller (name or id) that is one of the query's owners.

    Raises UnknownName for one that the data does not know, and for one that the query leaves out: its
    part of the report would hold what the whole report does not.
    """
    (found,) = resolve_filters(build, query_of_owner(query, owner), base_currency).owner_ids or [""]
    of_query = resolve_filters(build, query, base_currency).owner_ids
    if of_query is not None and found not in of_query:
        raise UnknownName("owners", f"owner {owner!r} is none of the query's: use one of {query.owners}")
    return found


def owners_in_scope(build: Build, query: ReportQuery, base_currency: str, until: datetime) -> dict[str, str]:
    """Return the id and name of every reseller that owns a client in scope of the query before `until`.

    A client without an owner is in no reseller's part.
    """
    filters = resolve_filters(build, query, base_currency)
    period = Period(label="", start=until, end=until, active_since=until, known=True)
    asked = StoreQuery(build, query, filters, groups_of(query, filters), [period])
    with asked.cursor:
        return dict(asked.owners())
