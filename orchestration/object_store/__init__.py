"""The bucket: objects that are written once, for snapshots and for the report stores that hosts share."""

from orchestration.object_store.configured import configured
from orchestration.object_store.store import (
    ListedObject,
    ObjectDiffers,
    ObjectMissing,
    ObjectStore,
    StoredObject,
)

__all__ = ["ListedObject", "ObjectDiffers", "ObjectMissing", "ObjectStore", "StoredObject", "configured"]
