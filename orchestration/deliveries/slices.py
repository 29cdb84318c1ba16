"""`split_by: owner`: each reseller's own numbers for the addresses that the saved query maps to it.

A slice is the same query for one owner, an occurrence with a snapshot and mails of its own. The whole report goes to
`send_to`, `cc` and `bcc`; no address of a slice sees more than its owner's part.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Manifest
from orchestration.builds.store import current_build
from orchestration.reporting.owners import owner_id, owners_in_scope, query_of_owner
from orchestration.reporting.resolve import UnknownName
from orchestration.saved_queries.saved_query import SavedQuery

NOBODY = "nobody"
"""Stands for the recipient of an owner that has no address."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One owner's part of a delivery."""

    slice_id: str
    """The owner's id; the word of the mapping where the data does not know it."""
    owner: str
    """As the mapping calls it: a name or an id."""
    addresses: tuple[str, ...]
    problem: str | None = None
    """Why there is nothing to make for it, in one line."""

    def of(self, saved_query: SavedQuery) -> SavedQuery:
        """The saved query cut down to this owner, to be mailed to its addresses alone."""
        delivery = saved_query.delivery
        if delivery is None:
            raise ValueError(f"{saved_query.name} has no delivery to cut")
        narrow = delivery.model_copy(update={"send_to": self.addresses, "cc": (), "bcc": ()})
        query = query_of_owner(saved_query.query, self.owner)
        return saved_query.model_copy(update={"query": query, "delivery": narrow})


def slices_of(
    connection: Connection[TupleRow], saved_query: SavedQuery, base_currency: str, until: datetime
) -> list[Slice]:
    """A slice for each owner of the mapping, and for each that owns clients in scope before `until` without being in it.

    Names that the data does not know, and owners without an address, are slices with a problem: they stop no other.
    """
    delivery = saved_query.delivery
    if delivery is None or delivery.split_by is None:
        return []
    found: dict[str, Slice] = {}
    with current_build(connection) as build:
        for owner, addresses in delivery.owners.items():
            try:
                slice_id = owner_id(build, saved_query.query, owner, base_currency)
            except UnknownName as error:
                found[owner] = Slice(owner, owner, addresses, str(error))
                continue
            known = found.setdefault(slice_id, Slice(slice_id, owner, ()))
            found[slice_id] = replace(known, addresses=(*known.addresses, *addresses))
        for slice_id, name in owners_in_scope(build, saved_query.query, base_currency, until).items():
            problem = f"no address for owner {name!r} ({slice_id}): add it to delivery.owners"
            found.setdefault(slice_id, Slice(slice_id, name, (), problem))
    return list(found.values())


def build_line(part: Manifest, whole: Manifest) -> str | None:
    """What the mail of a part says when a build came between it and the whole; None when both are of one build.

    Made one right after the other they seldom are of two; after an attempt that failed in between they may be.
    """
    if part.build_id == whole.build_id:
        return None
    return (
        f"These numbers are of a later build of the data ({part.build_id}) than the report of all owners "
        f"({whole.build_id}): they need not add up to it."
    )
