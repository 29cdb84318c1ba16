"""A query cut by owner: which resellers its clients belong to, and the same query for one of them alone."""

from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.answers import scope_parameters, scoped
from orchestration.reporting.groups import groups_of
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.resolve import UnknownName, resolve_filters


def query_of_owner(query: ReportQuery, owner: str) -> ReportQuery:
    """The query, for the clients of that reseller (name or id) alone."""
    return query.model_copy(update={"owners": (owner,)})


def owner_id(connection: Connection[TupleRow], query: ReportQuery, owner: str, base_currency: str) -> str:
    """The id of a reseller (name or id) that is one of the query's owners, read from the current marts.

    Raises UnknownName for one that the data does not know, and for one that the query leaves out: its part of the
    report would hold what the whole report does not.
    """
    (found,) = resolve_filters(connection, query_of_owner(query, owner), base_currency).owner_ids or [""]
    of_query = resolve_filters(connection, query, base_currency).owner_ids
    if of_query is not None and found not in of_query:
        raise UnknownName("owners", f"owner {owner!r} is none of the query's: use one of {query.owners}")
    return found


def owners_in_scope(
    connection: Connection[TupleRow], query: ReportQuery, base_currency: str, until: datetime
) -> dict[str, str]:
    """The id and name of every reseller that owns a client in scope of the query before `until` (aware).

    Reads the current marts (`reporting.marts`). A client without an owner is in no reseller's part.
    """
    filters = resolve_filters(connection, query, base_currency)
    groups = groups_of(query, filters)
    scope = scope_parameters(query, filters, groups)
    rows = connection.execute(scoped(groups, "owners_in_scope"), scope | {"periods": 1, "ends": [until]})
    return dict(rows.fetchall())
