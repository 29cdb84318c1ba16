"""A snapshot for somebody who is signed in, and its parameters in words."""

from collections.abc import Mapping
from typing import Any

from orchestration.archive import Archive, Snapshot, SnapshotNotFound
from orchestration.web.scope import may_see
from orchestration.web.visitor import Visitor

_NAMES = {
    "interval": "Interval",
    "timezone": "Timezone",
    "client_type": "Client Type",
    "client_tags": "Client Tags",
    "owners": "Owner",
    "packages": "Package",
    "group_by": "Group by",
    "currency": "Currency",
    "active_duration": "Active Duration",
}


def open_for(visitor: Visitor, archive: Archive, snapshot_id: str) -> Snapshot:
    """The snapshot, with its bytes. Raises as `Archive.open`; one that the visitor may not see is not found either."""
    snapshot = archive.open(snapshot_id)
    if not may_see(visitor, snapshot.manifest.owner_ids):
        raise SnapshotNotFound("there is no report under this id: check that the link is complete")
    return snapshot


def parameter_lines(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that were asked, as people read them, by their names; those without a value left out."""
    lines = {name: _words(parameters.get(key)) for key, name in _NAMES.items()}
    if lines["Active Duration"]:
        lines["Active Duration"] += " months"
    return {name: words for name, words in lines.items() if words}


def _words(value: Any) -> str:
    match value:
        case {"from": first, "to": last}:
            return f"{first} to {last}"
        case None:
            return ""
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
