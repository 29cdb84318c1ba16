"""Where in the bucket what lies: see `archive`."""

from collections.abc import Iterable
from datetime import UTC, datetime

ROOT = "snapshots/"
_MOMENT = "%Y%m%dT%H%M%S.%fZ"
"""A moment in a key, in UTC: keys are then in the order of time."""


def manifest_key(snapshot_id: str) -> str:
    """Written last: without it there is no snapshot."""
    return f"{ROOT}{snapshot_id}/manifest.json"


def revoked_key(snapshot_id: str) -> str:
    """There when the link was revoked."""
    return f"{ROOT}{snapshot_id}/revoked"


def expires_key(snapshot_id: str, at: datetime) -> str:
    """There when the link was given that end (aware). When it was set comes first: the greatest key is the last word."""
    moments = (moment.astimezone(UTC).strftime(_MOMENT) for moment in (datetime.now(UTC), at))
    return f"{ROOT}{snapshot_id}/expires/{'_'.join(moments)}"


def last_expiry(snapshot_id: str, keys: Iterable[str]) -> datetime | None:
    """The end that a snapshot's keys give its link; None when it was given none."""
    last = max((key for key in keys if key.startswith(f"{ROOT}{snapshot_id}/expires/")), default=None)
    return datetime.strptime(last.rpartition("_")[2], _MOMENT).replace(tzinfo=UTC) if last else None
