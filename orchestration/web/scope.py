"""The data that a visitor may see. A bound visitor sees only the clients of one reseller."""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.accounts.visitor import Visitor
from orchestration.builds.store import Build, current_build
from orchestration.errors import RequestError
from orchestration.reporting.name_lookup import UnknownName
from orchestration.reporting.parameters import ReportQuery
from orchestration.settings import settings

VISIBLE_SNAPSHOTS = "(%(owner_id)s::text is null or snapshots.owner_ids = array[%(owner_id)s::text])"
"""`may_see` as a SQL condition on `dynamics.snapshots`.

Its parameter is the visitor's `owner_id`.
"""


def may_see(visitor: Visitor, owner_ids: Sequence[str] | None) -> bool:
    """Return whether the visitor may find a snapshot in the archive.

    `owner_ids` are the resellers that the report was limited to, or None for a report of all
    clients. They are ids, because another reseller can get the name later.
    A visitor who has the link of a snapshot needs no such permission.
    """
    return visitor.owner_id is None or list(owner_ids or ()) == [visitor.owner_id]


def restrict_query(visitor: Visitor, query: ReportQuery, connection: Connection[TupleRow]) -> ReportQuery:
    """Return the query, limited to the clients that the visitor may see.

    Raise UnknownName if the query names another owner, or a tag or currency that none of the
    visitor's clients has. The message is the same for names that exist and for names that do not,
    and it contains no other name. Raise RequestError if the visitor's reseller does not exist.
    """
    if visitor.owner_id is None:
        return query
    with current_build(connection) as build:
        own = _load_own_values(build, visitor.owner_id)
    if own is None:
        raise RequestError(
            f"the data has no reseller {visitor.owner_id!r}: ask an admin to correct your account"
        )
    for owner in query.owners:
        if owner not in own.names:
            raise UnknownName("owners", f"unknown owner {owner!r}: your account sees only {own.names[-1]!r}")
    for tag in query.client_tags:
        if tag not in own.tags:
            raise UnknownName("client_tags", f"unknown client tag {tag!r}: none of your clients has it")
    if query.currency not in (None, settings().base_currency, *own.currencies):
        raise UnknownName("currency", f"unknown currency {query.currency!r}: it has no exchange rate")
    return query.model_copy(update={"owners": (visitor.owner_id,)})


class _OwnValues(NamedTuple):
    """The values that a bound visitor may use in a query."""

    names: list[str]
    """The id of the reseller, and its name unless the name is the id of another client."""
    tags: set[str]
    currencies: set[str]
    """The currencies of the reseller's clients, and those with an exchange rate."""


def _load_own_values(build: Build, owner_id: str) -> _OwnValues | None:
    """Return what the clients of a reseller have. Return None if there is no such reseller."""
    parameters = {"owner_id": owner_id}
    names = build.rows(
        """
        select name, exists (select 1 from clients as other where other.client_id = clients.name)
        from clients where client_id = $owner_id and client_type = 'reseller'
        """,
        parameters,
    )
    if not names:
        return None
    tags = build.rows("select distinct unnest(tags) from clients where owner_id = $owner_id", parameters)
    currencies = build.rows(
        "select currency from clients where owner_id = $owner_id union select currency from exchange_rates",
        parameters,
    )
    return _OwnValues(
        [owner_id, *(name for name, is_ambiguous in names if not is_ambiguous)],
        {tag for (tag,) in tags},
        {currency for (currency,) in currencies},
    )
