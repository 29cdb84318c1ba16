"""Every generated report, kept for ever: what is stored, the bucket it lies in, and how it is found again (spec 9)."""

from orchestration.archive.archive import Archive, Verdict
from orchestration.archive.snapshot import (
    CLIENTS,
    Manifest,
    Snapshot,
    SnapshotDamaged,
    SnapshotNotFound,
    StoredFile,
    new_snapshot_id,
)
from orchestration.object_store import ObjectStore

__all__ = [
    "CLIENTS",
    "Archive",
    "Manifest",
    "ObjectStore",
    "Snapshot",
    "SnapshotDamaged",
    "SnapshotNotFound",
    "StoredFile",
    "Verdict",
    "new_snapshot_id",
]
