"""Store files in the bucket, for hosts that share a database and a bucket but no disk."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from orchestration.errors import DynamicsError
from orchestration.object_store import ObjectMissing, ObjectStore, configured
from orchestration.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestration.builds.store.files import StoreFile

_PREFIX = "report-store/"


def is_shared() -> bool:
    """Return True if other hosts can need the store: by the setting, or where both services are named."""
    asked = settings().share_store
    if asked is not None:
        return asked
    return bool(settings().database_url and settings().s3_bucket)


def upload(folder: Path, stored: Sequence[StoreFile]) -> list[StoreFile]:
    """Write the files that are not in the bucket yet, and return all of them with their hashes."""
    bucket = _bucket()
    shared = []
    for file in stored:
        if file.sha256 is None:
            path = folder / file.name
            bucket.upload(path, _PREFIX + file.name)
            file = file._replace(sha256=_sha256(path))  # noqa: PLW2901 - the same file, its hash known
        shared.append(file)
    return shared


def fetch(folder: Path, file: StoreFile) -> None:
    """Write a file of the bucket into the folder.

    Raises ObjectMissing, and DynamicsError when the bucket has another content than the ledger says.
    """
    arriving = folder / f"{file.name}.{uuid4().hex[:8]}"
    try:
        _bucket().download(_PREFIX + file.name, arriving)
        if _sha256(arriving) != file.sha256:
            raise DynamicsError(
                f"the bucket holds another content of {file.name} than the build wrote:"
                " run `dynamics build --full-refresh`"
            )
        arriving.replace(folder / file.name)
    finally:
        arriving.unlink(missing_ok=True)


def is_intact(folder: Path, file: StoreFile) -> bool:
    """Return True if the file is there with the size, and the hash where it is known, of the ledger."""
    path = folder / file.name
    return (
        path.is_file()
        and path.stat().st_size == file.bytes
        and (file.sha256 is None or _sha256(path) == file.sha256)
    )


def remove(names: Sequence[str]) -> None:
    """Remove files of builds that no reader needs any more. A right that is missing stops nothing."""
    bucket = _bucket()
    for name in names:
        with suppress(DynamicsError):
            bucket.remove(_PREFIX + name)


def _bucket() -> ObjectStore:
    return configured()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


__all__ = ["ObjectMissing", "fetch", "is_intact", "is_shared", "remove", "upload"]
