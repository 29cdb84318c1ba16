"""Repair of the current store: files that are missing or damaged on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from orchestration.builds.ledger import has_marts_of
from orchestration.builds.lock import hold_source_lock
from orchestration.builds.store import files, ledger, sharing
from orchestration.builds.store.publish import republish
from orchestration.errors import DynamicsError
from orchestration.object_store import ObjectMissing
from orchestration.source import SOURCE_LOCK

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection
    from psycopg.rows import TupleRow


def fetch_missing_files(
    connection: Connection[TupleRow], store: ledger.PublishedStore, *, is_damaged: bool = False
) -> None:
    """Bring the missing files of a store onto this machine, from the bucket or from the marts.

    `is_damaged` means that a read failed. Files whose hash is unknown are then replaced too. Raise
    DynamicsError if neither the bucket nor the marts have the store.
    """
    folder = files.prepare_folder(connection)
    missing = [file for file in store.files if not _is_usable(folder, file, is_damaged=is_damaged)]
    if not missing:
        return
    try:
        if any(file.sha256 is None for file in missing):
            raise ObjectMissing("the store is not shared")  # noqa: TRY301 - handled like a missing object
        for file in missing:
            sharing.fetch(folder, file)
        _remove_older_files(connection, folder)
    except ObjectMissing:
        _republish(connection, store)


def _remove_older_files(connection: Connection[TupleRow], folder: Path) -> None:
    """Remove files that no reader needs, unless a build runs: it can be writing new files."""
    with psycopg.connect(connection.info.dsn, password=connection.info.password or None) as other:
        (is_free,) = other.execute("select pg_try_advisory_xact_lock(%s)", [SOURCE_LOCK]).fetchone() or (0,)
        if is_free:
            kept, _ = ledger.find_kept_and_outdated_files(other)
            files.remove_others(folder, kept)


def _is_usable(folder: Path, file: files.StoreFile, *, is_damaged: bool) -> bool:
    if is_damaged and not sharing.has_known_hash(folder, file):
        return False
    return sharing.is_intact(folder, file)


def _republish(connection: Connection[TupleRow], store: ledger.PublishedStore) -> None:
    with (
        hold_source_lock(connection),
        psycopg.connect(connection.info.dsn, password=connection.info.password or None) as publishing,
    ):
        if not has_marts_of(publishing, store.build_id):
            raise DynamicsError(
                f"this machine does not have the report store of build {store.build_id}, and an"
                " interrupted build has changed the marts: run `dynamics build`"
            )
        republish(publishing, store)
