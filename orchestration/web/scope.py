"""What a visitor who is bound to a reseller may ask and see: that reseller's clients, and nothing of anybody else's."""

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.builds.store import Build, current_build
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.resolve import UnknownName
from orchestration.web.visitor import Visitor

SEEN_BY = "(%(owner_id)s::text is null or snapshots.owner_ids = array[%(owner_id)s::text])"
"""`may_see` as a condition on `dynamics.snapshots`, for statements with the parameter `owner_id` (the visitor's)."""


def may_see(visitor: Visitor, owner_ids: Sequence[str] | None) -> bool:
    """Whether the visitor finds a snapshot in the archive whose clients are limited to these resellers (None: to none).

    `owner_ids` are `Manifest.owner_ids` or the index's column: ids as they were resolved when the report was made,
    because a name can be another reseller's by now. Whoever has a snapshot's link needs no such permission.
    """
    return visitor.owner_id is None or list(owner_ids or ()) == [visitor.owner_id]


def query_within(visitor: Visitor, query: ReportQuery, connection: Connection[TupleRow]) -> ReportQuery:
    """The query, limited to the clients that the visitor may see.

    Raises UnknownName when it names another owner, or a tag that no client of the visitor's bears: both with the words
    that meet a name that nobody has, and with no other name in them.
    """
    if visitor.owner_id is None:
        return query
    with current_build(connection) as build:
        own = _names_of(build, visitor.owner_id)
        tags = _tags_of(build, visitor.owner_id)
    for owner in query.owners:
        if owner not in own:
            raise UnknownName("owners", f"unknown owner {owner!r}: your account sees {own[-1]!r} alone")
    for tag in query.client_tags:
        if tag not in tags:
            raise UnknownName("client_tags", f"unknown client tag {tag!r}: none of your clients bears it")
    return query.model_copy(update={"owners": (visitor.owner_id,)})


def _names_of(build: Build, owner_id: str) -> list[str]:
    """Return what the reseller may be called: the id, and the name unless it is another client's id."""
    names = build.rows(
        """
        select name from clients where client_id = $owner_id
        and not exists (select 1 from clients as other where other.client_id = clients.name)
        """,
        {"owner_id": owner_id},
    )
    return [owner_id, *(name for (name,) in names)]


def _tags_of(build: Build, owner_id: str) -> set[str]:
    """Return the tags of the reseller's clients."""
    tags = build.rows(
        "select distinct unnest(tags) from clients where owner_id = $owner_id", {"owner_id": owner_id}
    )
    return {tag for (tag,) in tags}
