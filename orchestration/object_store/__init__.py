"""The object store: a bucket for the snapshots, and for the report stores that hosts share."""

from orchestration.object_store.configuration import open_configured_store
from orchestration.object_store.store import (
    ListedObject,
    ObjectDiffers,
    ObjectMissing,
    ObjectStore,
    StoredObject,
)

__all__ = [
    "ListedObject",
    "ObjectDiffers",
    "ObjectMissing",
    "ObjectStore",
    "StoredObject",
    "open_configured_store",
]
