"""What the form's searches find: tags, resellers, packages and currencies of the current build, and timezones.

A visitor who is bound to a reseller finds what belongs to that reseller's clients, and nothing of anybody else's.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orchestration.builds.store import Build
from orchestration.reporting.parameters import timezones

MOST = 20
"""Finds of one search; more letters find the rest."""


class Found(NamedTuple):
    """Something that a field takes: the text that goes into the query, how it is called, and what else tells of it."""

    value: str
    label: str
    note: str


_KNOWN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "tags": (
            (
                "select distinct tag as id, tag as name from (select unnest(tags) as tag, owner_id from clients)"
                " where $owner_id is null or owner_id = $owner_id"
            ),
            "true",
        ),
        "owners": (
            "select client_id as id, name from clients where client_type = 'reseller'",
            "$owner_id is null or id = $owner_id",
        ),
        "packages": (
            "select package_id as id, name from packages",
            (
                "$owner_id is null or id in (select package_id from holdings"
                " join packages using (package) join clients using (client) where owner_id = $owner_id)"
            ),
        ),
        "currencies": (
            (
                "select currency as id, currency as name from exchange_rates union select currency, currency"
                " from clients where $owner_id is null or owner_id = $owner_id"
            ),
            "true",
        ),
    }
)
"""All rows of each kind, as `id` and `name`, and which of them the visitor may see."""
KINDS = tuple(_KNOWN)

# A name that several share, or that is another row's id, is ambiguous: then the id goes into the query.
_SEARCH = """
    with known as ({known}), found as (
        select id, name, not starts_with(lower(name), lower($asked)) as inside from known
        where (contains(lower(name), lower($asked)) or contains(lower(id), lower($asked))) and ({seen})
        order by inside, lower(name), id limit {most}
    )
    select
        case when not regexp_matches(name, '[[:cntrl:]]')
            and (select count(*) from known where found.name in (known.id, known.name)) = 1
            then name else id end,
        name,
        case when id = name then '' else id end
    from found order by inside, lower(found.name), found.id
"""
_SEEN = "with known as ({known}) select id, name from known where {seen} and $owner_id is not null"


def search(build: Build, kind: str, asked: str, owner_id: str | None) -> list[Found]:
    """Return what of a kind (tags, owners, packages, currencies) has the asked text in its name or id.

    Names that begin with it come first. `owner_id` is the visitor's.
    """
    known, seen = _KNOWN[kind]
    given = {"asked": asked.replace("\0", ""), "owner_id": owner_id}
    # The parts are fixed text of this module.
    return [Found(*row) for row in build.rows(_SEARCH.format(known=known, seen=seen, most=MOST), given)]


def packages_held(build: Build, owner_id: str) -> set[str]:
    """Return ids and names of the packages that a client of that reseller has held."""
    known, seen = _KNOWN["packages"]
    rows = build.rows(_SEEN.format(known=known, seen=seen), {"owner_id": owner_id})
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
