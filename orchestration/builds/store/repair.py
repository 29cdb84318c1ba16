"""Files of the current store that this machine does not have, or has damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from orchestration.builds.ledger import marts_are_of
from orchestration.builds.lock import source_lock
from orchestration.builds.store import files, ledger, sharing
from orchestration.builds.store.publish import publish_again
from orchestration.errors import DynamicsError
from orchestration.object_store import ObjectMissing
from orchestration.source import SOURCE_LOCK

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection
    from psycopg.rows import TupleRow


def obtain(
    connection: Connection[TupleRow], store: ledger.PublishedStore, *, suspicious: bool = False
) -> None:
    """Get the files of a store onto this machine: from the bucket, or from the marts.

    `suspicious` is True when a file turned out to be damaged: files that cannot be compared with a hash
    are then replaced too. Raises DynamicsError when neither the bucket nor the marts have the store.
    """
    folder = files.folder(connection)
    wanting = [file for file in store.files if not _is_good(folder, file, suspicious=suspicious)]
    if not wanting:
        return
    try:
        if any(file.sha256 is None for file in wanting):
            raise ObjectMissing("the store is not shared")  # noqa: TRY301 - the marts have it, as below
        for file in wanting:
            sharing.fetch(folder, file)
        _remove_older_stores(connection, folder)
    except ObjectMissing:
        _publish_again(connection, store)


def _remove_older_stores(connection: Connection[TupleRow], folder: Path) -> None:
    """Remove files that no reader needs, unless a build is running: it can be writing new ones here."""
    with psycopg.connect(connection.info.dsn, password=connection.info.password or None) as other:
        (is_free,) = other.execute("select pg_try_advisory_xact_lock(%s)", [SOURCE_LOCK]).fetchone() or (0,)
        if is_free:
            kept, _ = ledger.kept_and_outdated(other)
            files.remove_others(folder, kept)


def _is_good(folder: Path, file: files.StoreFile, *, suspicious: bool) -> bool:
    return not (suspicious and file.sha256 is None) and sharing.is_intact(folder, file)


def _publish_again(connection: Connection[TupleRow], store: ledger.PublishedStore) -> None:
    with (
        source_lock(connection),
        psycopg.connect(connection.info.dsn, password=connection.info.password or None) as publishing,
    ):
        if not marts_are_of(publishing, store.build_id):
            raise DynamicsError(
                f"the report store of build {store.build_id} is not on this machine, and a later build"
                " was interrupted: run `dynamics build`"
            )
        publish_again(publishing, store)
