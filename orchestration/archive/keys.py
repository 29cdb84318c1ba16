"""The keys of the objects in the bucket. The `archive` module explains what each object means."""

from collections.abc import Iterable
from datetime import UTC, datetime

from orchestration.archive.snapshot import SnapshotId

ROOT = "snapshots/"
"""The prefix of all keys."""
_TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
"""The form of an instant in a key, in UTC. The keys sort in the order of time."""


def manifest_key(snapshot_id: SnapshotId) -> str:
    """Return the key of the manifest."""
    return f"{ROOT}{snapshot_id}/manifest.json"


def revoked_key(snapshot_id: SnapshotId) -> str:
    """Return the key of the object that marks the link as revoked."""
    return f"{ROOT}{snapshot_id}/revoked"


def expires_key(snapshot_id: SnapshotId, at: datetime) -> str:
    """Return the key of the object that ends the link at `at`, an instant with a timezone.

    The current time comes first in the key, so that the greatest key is the latest decision.
    """
    times = (time.astimezone(UTC).strftime(_TIME_FORMAT) for time in (datetime.now(UTC), at))
    return f"{ROOT}{snapshot_id}/expires/{'_'.join(times)}"


def last_expiry(snapshot_id: SnapshotId, keys: Iterable[str]) -> datetime | None:
    """Return the end of the link according to the keys of a snapshot. None means no end."""
    last = max((key for key in keys if key.startswith(f"{ROOT}{snapshot_id}/expires/")), default=None)
    return datetime.strptime(last.rpartition("_")[2], _TIME_FORMAT).replace(tzinfo=UTC) if last else None
