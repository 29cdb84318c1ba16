"""What the form's searches find: tags, resellers, packages and currencies of the current marts, and timezones.

A visitor who is bound to a reseller finds what belongs to that reseller's clients, and nothing of anybody else's.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from orchestration.reporting.parameters import timezones

MOST = 20
"""Finds of one search; more letters find the rest."""


class Found(NamedTuple):
    """Something that a field takes: the text that goes into the query, how it is called, and what else tells of it."""

    value: str
    label: str
    note: str


_KNOWN: Mapping[str, tuple[SQL, SQL]] = MappingProxyType(
    {
        "tags": (
            SQL(
                "select distinct tag as id, tag as name from fct_clients cross join unnest(tags) as tag"
                " where %(owner_id)s::text is null or owner_id = %(owner_id)s"
            ),
            SQL("true"),
        ),
        "owners": (
            SQL("select client_id as id, name from fct_clients where client_type = 'reseller'"),
            SQL("%(owner_id)s::text is null or id = %(owner_id)s"),
        ),
        "packages": (
            SQL("select package_id as id, name from dim_packages"),
            SQL(
                "%(owner_id)s::text is null or exists (select from fct_package_holdings"
                " join fct_clients using (client_id) where package_id = id and owner_id = %(owner_id)s)"
            ),
        ),
        "currencies": (
            SQL(
                "select currency as id, currency as name from dim_exchange_rates union select currency, currency"
                " from fct_clients where %(owner_id)s::text is null or owner_id = %(owner_id)s"
            ),
            SQL("true"),
        ),
    }
)
"""Of each kind everything there is, as `id` and `name`, and which of it the visitor may see."""
KINDS = tuple(_KNOWN)

# A name that several bear, or that is another's id, says nothing by itself: then the id goes into the query.
_SEARCH = SQL("""
    with known as ({known}), found as (
        select id, name, not starts_with(lower(name), lower(%(asked)s)) as inside from known
        where (strpos(lower(name), lower(%(asked)s)) > 0 or strpos(lower(id), lower(%(asked)s)) > 0) and ({seen})
        order by inside, lower(name), id limit %(most)s
    )
    select
        case when name !~ '[[:cntrl:]]' and (select count(*) from known where found.name in (known.id, known.name)) = 1
            then name else id end,
        name,
        case when id = name then '' else id end
    from found order by inside, lower(found.name), found.id
""")
_SEEN = SQL("with known as ({known}) select id, name from known where {seen}")


def search(connection: Connection[TupleRow], kind: str, asked: str, owner_id: str | None) -> list[Found]:
    """What of that kind (tags, owners, packages, currencies) has the asked text in its name or id.

    Names that begin with it come first. Reads the current marts (`reporting.marts`). `owner_id` is the visitor's.
    """
    known, seen = _KNOWN[kind]
    given = {"asked": asked.replace("\0", ""), "owner_id": owner_id, "most": MOST}
    rows = connection.execute(_SEARCH.format(known=known, seen=seen), given)
    return [Found(*row) for row in rows]


def packages_held(connection: Connection[TupleRow], owner_id: str) -> set[str]:
    """Ids and names of the packages that a client of that reseller has held. Reads the current marts."""
    known, seen = _KNOWN["packages"]
    rows = connection.execute(_SEEN.format(known=known, seen=seen), {"owner_id": owner_id})
    return {text for row in rows for text in row}


def search_timezones(asked: str) -> list[Found]:
    """The zones with that text in their name, cities that begin with it first, each with its offset now."""
    text = asked.strip().lower().replace(" ", "_")
    names = sorted(
        (name for name in timezones() if text in name.lower()),
        key=lambda name: (not any(part.startswith(text) for part in name.lower().split("/")), name),
    )
    now = datetime.now(UTC)
    return [
        Found(name, name, f"UTC{now.astimezone(ZoneInfo(name)).isoformat()[-6:]}") for name in names[:MOST]
    ]
