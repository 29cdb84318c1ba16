"""The searches of the query form: tags, resellers, packages, currencies and time zones.

A bound visitor finds only what belongs to the clients of their reseller.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orchestration.builds.store import Build
from orchestration.reporting.parameters import list_timezones

MAX_MATCHES = 20
"""The matches of one search."""


class LookupMatch(NamedTuple):
    """One match of a search."""

    value: str
    """The text that goes into the query."""
    label: str
    note: str
    """What distinguishes the match from others with the same label."""


class _Source(NamedTuple):
    """The rows of one kind. `$owner_id` is the reseller of a bound visitor, or null."""

    rows: str
    """A SQL query with the columns `id` and `name`."""
    is_visible: str
    """A SQL condition for the rows that the visitor may see."""


_SOURCES: Mapping[str, _Source] = MappingProxyType(
    {
        "tags": _Source(
            "select distinct tag as id, tag as name from (select unnest(tags) as tag, owner_id from clients)"
            " where $owner_id is null or owner_id = $owner_id",
            "true",
        ),
        "owners": _Source(
            "select client_id as id, name from clients where client_type = 'reseller'",
            "$owner_id is null or id = $owner_id",
        ),
        "packages": _Source(
            "select package_id as id, name from packages",
            "$owner_id is null or id in (select package_id from holdings"
            " join packages using (package) join clients using (client) where owner_id = $owner_id)",
        ),
        "currencies": _Source(
            "select currency as id, currency as name from exchange_rates union select currency, currency"
            " from clients where $owner_id is null or owner_id = $owner_id",
            "true",
        ),
    }
)
KINDS = tuple(_SOURCES)

# A name is ambiguous if several rows share it or if it is the id of another row. Then the id goes
# into the query.
_SEARCH = """
    with candidates as ({rows}), matches as (
        select id, name, not starts_with(lower(name), lower($search_text)) as is_inside from candidates
        where (contains(lower(name), lower($search_text)) or contains(lower(id), lower($search_text)))
            and ({is_visible})
        order by is_inside, lower(name), id limit {limit}
    )
    select
        case when not regexp_matches(name, '[[:cntrl:]]')
            and (select count(*) from candidates where matches.name in (candidates.id, candidates.name)) = 1
            then name else id end,
        name,
        case when id = name then '' else id end
    from matches order by is_inside, lower(matches.name), matches.id
"""
_HELD_PACKAGES = (
    "with candidates as ({rows}) select id, name from candidates where {is_visible} and $owner_id is not null"
)


def find_matches(build: Build, kind: str, search_text: str, owner_id: str | None) -> list[LookupMatch]:
    """Return the rows of a kind with the text in their name or id.

    `kind` is one of KINDS. Names that begin with the text come first. `owner_id` is the reseller of
    a bound visitor.
    """
    rows, is_visible = _SOURCES[kind]
    statement = _SEARCH.format(rows=rows, is_visible=is_visible, limit=MAX_MATCHES)
    parameters = {"search_text": search_text.replace("\0", ""), "owner_id": owner_id}
    return [LookupMatch(*row) for row in build.rows(statement, parameters)]


def load_held_packages(build: Build, owner_id: str) -> set[str]:
    """Return the ids and names of all packages that the reseller's clients have held."""
    rows, is_visible = _SOURCES["packages"]
    statement = _HELD_PACKAGES.format(rows=rows, is_visible=is_visible)
    return {text for row in build.rows(statement, {"owner_id": owner_id}) for text in row}


def find_timezones(search_text: str) -> list[LookupMatch]:
    """Return the time zones with the text in their name, each with its current offset.

    Timezones with a part that begins with the text come first.
    """
    text = search_text.strip().lower().replace(" ", "_")
    names = sorted(
        (name for name in list_timezones() if text in name.lower()),
        key=lambda name: (not any(part.startswith(text) for part in name.lower().split("/")), name),
    )
    now = datetime.now(UTC)
    return [
        LookupMatch(name, name, f"UTC{now.astimezone(ZoneInfo(name)).isoformat()[-6:]}")
        for name in names[:MAX_MATCHES]
    ]
