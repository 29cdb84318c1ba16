"""The keys of the snapshots in the bucket. `archive.py` explains what each object means."""

from collections.abc import Iterable
from datetime import UTC, datetime

from orchestration.archive.snapshot import SnapshotId

ROOT = "snapshots/"
"""The prefix of the keys of all snapshots."""
_TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
"""The form of an instant in a key, in UTC. The keys sort in the order of time."""


def build_manifest_key(snapshot_id: SnapshotId) -> str:
    """Return the key of the manifest."""
    return f"{ROOT}{snapshot_id}/manifest.json"


def build_revocation_key(snapshot_id: SnapshotId) -> str:
    """Return the key of the object that marks the link as revoked."""
    return f"{ROOT}{snapshot_id}/revoked"


def build_expiry_key(snapshot_id: SnapshotId, expires_at: datetime) -> str:
    """Return the key of the object that sets the expiry of the link to `expires_at`, now.

    The key contains the current time and the expiry. The last key in text order is the newest one.
    """
    times = (time.astimezone(UTC).strftime(_TIME_FORMAT) for time in (datetime.now(UTC), expires_at))
    return f"{_expiry_prefix(snapshot_id)}{'_'.join(times)}"


def find_last_expiry(snapshot_id: SnapshotId, keys: Iterable[str]) -> datetime | None:
    """Return the expiry of the link according to the keys of a snapshot. None means no expiry."""
    last = max((key for key in keys if key.startswith(_expiry_prefix(snapshot_id))), default=None)
    if last is None:
        return None
    _, _, expires_at = last.rpartition("_")
    return datetime.strptime(expires_at, _TIME_FORMAT).replace(tzinfo=UTC)


def _expiry_prefix(snapshot_id: SnapshotId) -> str:
    return f"{ROOT}{snapshot_id}/expires/"
