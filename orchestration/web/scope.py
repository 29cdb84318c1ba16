"""The data that a visitor may see. A bound visitor sees only the clients of one reseller."""

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.accounts.visitor import Visitor
from orchestration.builds.store import Build, current_build
from orchestration.reporting.name_lookup import UnknownName
from orchestration.reporting.parameters import ReportQuery

VISIBLE_SNAPSHOTS = "(%(owner_id)s::text is null or snapshots.owner_ids = array[%(owner_id)s::text])"
"""`may_see` as a SQL condition on `dynamics.snapshots`.

Its parameter is the visitor's `owner_id`.
"""


def may_see(visitor: Visitor, owner_ids: Sequence[str] | None) -> bool:
    """Return whether the visitor may find a snapshot in the archive.

    `owner_ids` are the resellers that the report was limited to, or None for a report of all
    clients. They are the ids from the time of the report, because names can change their owner.
    A visitor who has the link of a snapshot needs no such permission.
    """
    return visitor.owner_id is None or list(owner_ids or ()) == [visitor.owner_id]


def restrict_query(visitor: Visitor, query: ReportQuery, connection: Connection[TupleRow]) -> ReportQuery:
    """Return the query, limited to the clients that the visitor may see.

    Raise UnknownName if the query names another owner, or a tag that none of the visitor's clients
    has. The message is the same for names that exist and for names that do not, and it contains no
    other name.
    """
    if visitor.owner_id is None:
        return query
    with current_build(connection) as build:
        own_names = _load_own_names(build, visitor.owner_id)
        own_tags = _load_own_tags(build, visitor.owner_id)
    for owner in query.owners:
        if owner not in own_names:
            raise UnknownName("owners", f"unknown owner {owner!r}: your account sees only {own_names[-1]!r}")
    for tag in query.client_tags:
        if tag not in own_tags:
            raise UnknownName("client_tags", f"unknown client tag {tag!r}: none of your clients has it")
    return query.model_copy(update={"owners": (visitor.owner_id,)})


def _load_own_names(build: Build, owner_id: str) -> list[str]:
    """Return the reseller's id, and its name unless the name is the id of another client."""
    names = build.rows(
        """
        select name from clients where client_id = $owner_id
        and not exists (select 1 from clients as other where other.client_id = clients.name)
        """,
        {"owner_id": owner_id},
    )
    return [owner_id, *(name for (name,) in names)]


def _load_own_tags(build: Build, owner_id: str) -> set[str]:
    tags = build.rows(
        "select distinct unnest(tags) from clients where owner_id = $owner_id", {"owner_id": owner_id}
    )
    return {tag for (tag,) in tags}
