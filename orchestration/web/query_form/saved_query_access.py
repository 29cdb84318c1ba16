"""The saved queries that a visitor may see."""

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.accounts.visitor import Visitor
from orchestration.builds.store import current_build
from orchestration.connections import OpenArchive
from orchestration.errors import RequestError
from orchestration.reporting.name_lookup import UnknownName, resolve_filters
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.reader import load_saved_query
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings
from orchestration.web.scope import may_see


def may_load(visitor: Visitor, saved_query: SavedQuery, connection: Connection[TupleRow]) -> bool:
    """Return whether the visitor may see the saved query.

    A bound visitor sees it if it is limited to the clients of their reseller.
    """
    if visitor.owner_id is None:
        return True
    query = ReportQuery(interval="today", owners=saved_query.query.owners)
    try:
        with current_build(connection) as build:
            owner_ids = resolve_filters(build, query, settings().base_currency).owner_ids
    except UnknownName:
        return False
    return may_see(visitor, sorted(set(owner_ids or ())))


def load_visible(visitor: Visitor, name: str, open_archive: OpenArchive) -> SavedQuery:
    """Return the saved query of that name. Raise RequestError if the visitor may not see it.

    A bound visitor gets the same message for a hidden saved query as for one that does not exist.
    """
    if visitor.owner_id is None:
        return load_saved_query(settings().templates, name)
    try:
        saved_query = load_saved_query(settings().templates, name)
        with open_archive() as (_, connection):
            if may_load(visitor, saved_query, connection):
                return saved_query
    except RequestError:
        pass
    raise RequestError(f"unknown saved query {name!r}: see the list of saved queries")
