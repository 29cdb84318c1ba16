"""The archive: the stored form of snapshots, the bucket, and the index of the bucket."""

from orchestration.archive.archive import Archive, NewFile, Verdict
from orchestration.archive.snapshot import (
    CLIENTS,
    TABLE,
    Manifest,
    Snapshot,
    SnapshotDamaged,
    SnapshotId,
    SnapshotNotFound,
    StoredFile,
    new_snapshot_id,
)
from orchestration.object_store import ObjectStore

__all__ = [
    "CLIENTS",
    "TABLE",
    "Archive",
    "Manifest",
    "NewFile",
    "ObjectStore",
    "Snapshot",
    "SnapshotDamaged",
    "SnapshotId",
    "SnapshotNotFound",
    "StoredFile",
    "Verdict",
    "new_snapshot_id",
]
