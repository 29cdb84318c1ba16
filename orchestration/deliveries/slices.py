"""Slices: with `split_by: owner`, each owner gets a report of its own clients.

A slice is the same query for one owner. It has its own occurrence, snapshot and mails. The whole
report goes to `send_to`, `cc` and `bcc`. The addresses of a slice get only the slice.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Manifest
from orchestration.builds.store import current_build
from orchestration.reporting.name_lookup import UnknownName
from orchestration.reporting.owners import list_owners_in_scope, resolve_owner, restrict_to_owner
from orchestration.saved_queries.saved_query import SavedQuery

NO_ADDRESS = "nobody"
"""The recipient in the mail record of an owner without an address."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One owner's part of a delivery."""

    slice_id: str
    """The owner's id, or the name from `delivery.owners` if the data does not have this owner."""
    owner: str
    """The name or id of the owner, as in `delivery.owners`."""
    addresses: tuple[str, ...]
    problem: str | None = None
    """Why this slice has no report, in one line."""

    def narrow(self, saved_query: SavedQuery) -> SavedQuery:
        """Return the saved query for this owner and its addresses only."""
        delivery = saved_query.delivery
        if delivery is None:
            raise ValueError(f"{saved_query.name} has no delivery settings to narrow")
        narrowed = delivery.model_copy(update={"send_to": self.addresses, "cc": (), "bcc": ()})
        query = restrict_to_owner(saved_query.query, self.owner)
        return saved_query.model_copy(update={"query": query, "delivery": narrowed})


def find_slices(
    connection: Connection[TupleRow], saved_query: SavedQuery, base_currency: str, until: datetime
) -> list[Slice]:
    """Return a slice for each owner in `delivery.owners` and in scope before `until`.

    Owners that the data does not have, and owners without an address, become slices with a problem.
    They do not stop the other slices.
    """
    delivery = saved_query.delivery
    if delivery is None or delivery.split_by is None:
        return []
    slices: dict[str, Slice] = {}
    with current_build(connection) as build:
        for owner, addresses in delivery.owners.items():
            try:
                slice_id = resolve_owner(build, saved_query.query, owner, base_currency)
            except UnknownName as error:
                slices[owner] = Slice(owner, owner, addresses, str(error))
                continue
            slice_ = slices.get(slice_id, Slice(slice_id, owner, ()))
            slices[slice_id] = replace(slice_, addresses=(*slice_.addresses, *addresses))
        for slice_id, name in list_owners_in_scope(build, saved_query.query, base_currency, until).items():
            problem = f"no address for owner {name!r} ({slice_id}): add it to delivery.owners"
            slices.setdefault(slice_id, Slice(slice_id, name, (), problem))
    return list(slices.values())


def describe_build_difference(part: Manifest, whole: Manifest) -> str | None:
    """Return the note for the mail of a slice whose build differs from the whole report's, or None.

    The builds differ if a build ends after the whole report and before the slice.
    """
    if part.build_id == whole.build_id:
        return None
    return (
        f"These numbers come from a later build of the data ({part.build_id}) than the report of all owners "
        f"({whole.build_id}): the sums can differ."
    )
