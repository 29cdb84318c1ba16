"""Load Query: the saved queries that a visitor may see."""

from typing import TYPE_CHECKING

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.builds.store import current_build
from orchestration.errors import RequestError
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.resolve import UnknownName, resolve_filters
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.saved_queries.saved_query_file import load_saved_query
from orchestration.settings import settings
from orchestration.web.scope import may_see
from orchestration.web.visitor import Visitor

if TYPE_CHECKING:
    from orchestration.web.app import OpenArchive


def may_load(visitor: Visitor, saved_query: SavedQuery, connection: Connection[TupleRow]) -> bool:
    """Whether the visitor may see a saved query: one who is bound to a reseller, if it is about that one's clients alone."""
    if visitor.owner_id is None:
        return True
    owners = ReportQuery(interval="today", owners=saved_query.query.owners)
    try:
        with current_build(connection) as build:
            found = resolve_filters(build, owners, settings().base_currency).owner_ids
    except UnknownName:
        return False
    return may_see(visitor, sorted(set(found or ())))


def load(visitor: Visitor, name: str, open_archive: "OpenArchive") -> SavedQuery:
    """The saved query of that name. Raises RequestError when there is none that the visitor may see.

    Whoever may not see all of them is told nothing of the others, not even that they are there.
    """
    if visitor.owner_id is None:
        return load_saved_query(settings().templates, name)
    try:
        found = load_saved_query(settings().templates, name)
        with open_archive() as (_, connection):
            if may_load(visitor, found, connection):
                return found
    except RequestError:
        pass
    raise RequestError(f"unknown saved query {name!r}: the list of saved queries shows yours")
