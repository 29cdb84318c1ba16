"""Access to a snapshot for a visitor who is signed in, and its parameters in words."""

from collections.abc import Mapping
from typing import Any

from orchestration.accounts.visitor import Visitor
from orchestration.archive import Archive, Snapshot, SnapshotNotFound
from orchestration.reporting.query_parameters import QUERY_PARAMETERS
from orchestration.web.scope import may_see

_ACTIVE_DURATION = QUERY_PARAMETERS["active_duration"].label


def open_for(visitor: Visitor, archive: Archive, snapshot_id: str) -> Snapshot:
    """Return the snapshot if the visitor may see it.

    Raise the errors of `Archive.open`. Raise SnapshotNotFound if the visitor may not see it.
    """
    snapshot = archive.open(snapshot_id)
    if not may_see(visitor, snapshot.manifest.owner_ids):
        raise SnapshotNotFound("there is no report with this id: check that the link is complete")
    return snapshot


def describe_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the value of each parameter of a snapshot in words, by the parameter's label."""
    descriptions = {
        parameter.label: _describe_value(parameters.get(parameter.key))
        for parameter in QUERY_PARAMETERS.values()
    }
    if descriptions[_ACTIVE_DURATION]:
        descriptions[_ACTIVE_DURATION] += " months"
    return {label: description for label, description in descriptions.items() if description}


def _describe_value(value: Any) -> str:
    match value:
        case {"from": first, "to": last}:
            return f"{first} to {last}"
        case None:
            return ""
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
