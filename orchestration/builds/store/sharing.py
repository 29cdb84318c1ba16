"""Store files in the bucket, for hosts that share a database and a bucket but no disk."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from orchestration.builds.store.files import read_own_size, remove_own_size
from orchestration.errors import DynamicsError
from orchestration.object_store import open_configured_store
from orchestration.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestration.builds.store.files import StoreFile

_PREFIX = "report-store/"


def is_shared() -> bool:
    """Return True if other hosts can need the store files.

    The setting `share_store` decides. Without it, they can if both a database and a bucket are
    configured.
    """
    share_store = settings().share_store
    if share_store is not None:
        return share_store
    return bool(settings().database_url and settings().s3_bucket)


def upload(folder: Path, files: Sequence[StoreFile]) -> list[StoreFile]:
    """Upload the files that are not in the bucket yet, and return all files with their hashes."""
    bucket = open_configured_store()
    shared = []
    for file in files:
        if file.sha256 is None:
            path = folder / file.name
            bucket.upload(path, _PREFIX + file.name)
            shared.append(file._replace(sha256=_hash_file(path)))
        else:
            shared.append(file)
    return shared


def fetch(folder: Path, file: StoreFile) -> None:
    """Download a file into the folder.

    Raise ObjectMissing when the bucket does not have it, and DynamicsError when its content differs
    from the hash in the ledger.
    """
    download = folder / f"{file.name}.{uuid4().hex[:8]}"
    try:
        open_configured_store().download(_PREFIX + file.name, download)
        if _hash_file(download) != file.sha256:
            raise DynamicsError(
                f"the content of {file.name} in the bucket differs from what the build wrote:"
                " run `dynamics build --full-refresh`"
            )
        download.replace(folder / file.name)
        remove_own_size(folder / file.name)
    finally:
        download.unlink(missing_ok=True)


def has_size(folder: Path, file: StoreFile) -> bool:
    """Return True if the file exists and has the right size.

    The ledger has the size, unless this host has written its own file under the recorded name.
    """
    path = folder / file.name
    return path.is_file() and path.stat().st_size == (read_own_size(path) or file.bytes)


def has_known_hash(folder: Path, file: StoreFile) -> bool:
    """Return True if the ledger has the hash of the file on this host."""
    return file.sha256 is not None and read_own_size(folder / file.name) is None


def is_intact(folder: Path, file: StoreFile) -> bool:
    """Return True if the file exists with the right size, and with the right hash if known."""
    if not has_size(folder, file):
        return False
    return not has_known_hash(folder, file) or _hash_file(folder / file.name) == file.sha256


def remove(names: Sequence[str]) -> None:
    """Remove files from the bucket. Ignore a missing right to delete: the file only takes space."""
    bucket = open_configured_store()
    for name in names:
        with suppress(DynamicsError):
            bucket.remove(_PREFIX + name)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
