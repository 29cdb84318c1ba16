"""The table `dynamics.snapshots`: the index of the bucket.

It also keeps the hash of each manifest, so that a changed bucket is noticed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from orchestration.archive.snapshot import Snapshot, SnapshotId

LinkState = Literal["open", "revoked", "expired"]

_SELECT_ENTRIES = """
    select
        snapshot_id, title, saved_query, generated_by, generated_at, as_of,
        revoked_at, expires_at, opens, last_opened_at
    from dynamics.snapshots
"""


@dataclass(frozen=True, slots=True)
class ManifestLocation:
    """The location of a snapshot's manifest, and the state of the snapshot's link."""

    snapshot_id: SnapshotId
    version_id: str | None
    sha256: str | None
    """The hash that the manifest must have. None if the snapshot is not in the index."""
    revoked_at: datetime | None
    expires_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Return True if the link is neither revoked nor expired."""
        return derive_link_state(self.revoked_at, self.expires_at) == "open"


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """An entry in a list of snapshots."""

    snapshot_id: SnapshotId
    title: str
    saved_query: str | None
    generated_by: str
    generated_at: datetime
    as_of: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    opens: int
    """The number of times that the page of the link was opened."""
    last_opened_at: datetime | None

    @property
    def link_state(self) -> LinkState:
        """Return the state of the link."""
        return derive_link_state(self.revoked_at, self.expires_at)


def derive_link_state(revoked_at: datetime | None, expires_at: datetime | None) -> LinkState:
    """Return the current state of a link."""
    if revoked_at:
        return "revoked"
    return "expired" if expires_at and expires_at <= datetime.now(UTC) else "open"


def find_manifest(connection: Connection[TupleRow], snapshot_id: SnapshotId) -> ManifestLocation | None:
    """Return the location of the snapshot's manifest; None if the snapshot is not in the index."""
    with connection.cursor(row_factory=class_row(ManifestLocation)) as cursor:
        return cursor.execute(
            """
            select
                snapshot_id, manifest_version as version_id, manifest_sha256 as sha256,
                revoked_at, expires_at
            from dynamics.snapshots where snapshot_id = %s
            """,
            (snapshot_id,),
        ).fetchone()


def find_open_links(connection: Connection[TupleRow], snapshot_ids: Collection[str]) -> set[str]:
    """Return the ids with an open link."""
    rows = connection.execute(
        """
        select snapshot_id from dynamics.snapshots
        where snapshot_id = any(%s) and revoked_at is null and (expires_at is null or expires_at > now())
        """,
        (list(snapshot_ids),),
    ).fetchall()
    return {snapshot_id for (snapshot_id,) in rows}


def find_entry(connection: Connection[TupleRow], snapshot_id: SnapshotId) -> IndexEntry | None:
    """Return the entry of a snapshot; None if the snapshot is not in the index."""
    with connection.cursor(row_factory=class_row(IndexEntry)) as cursor:
        return cursor.execute(f"{_SELECT_ENTRIES} where snapshot_id = %s", (snapshot_id,)).fetchone()


def list_entries(
    connection: Connection[TupleRow], limit: int | None, saved_query: str | None
) -> list[IndexEntry]:
    """Return the newest entries, newest first.

    `limit` None means no limit. `saved_query` None means all snapshots, with and without a saved
    query.
    """
    with connection.cursor(row_factory=class_row(IndexEntry)) as cursor:
        return cursor.execute(
            f"""
            {_SELECT_ENTRIES}
            where saved_query = %(saved_query)s or %(saved_query)s::text is null
            order by generated_at desc, snapshot_id
            limit %(limit)s
            """,
            {"saved_query": saved_query, "limit": limit},
        ).fetchall()


def add_entry(
    connection: Connection[TupleRow],
    snapshot: Snapshot,
    revoked_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Add a snapshot to the index.

    An existing entry keeps its hash. It keeps its revocation, or takes `revoked_at` if it has
    none. Of two expiries the earlier one counts, so that an old index or a changed bucket opens no
    link.
    """
    manifest = snapshot.manifest
    connection.execute(
        """
        insert into dynamics.snapshots as existing (
            snapshot_id, manifest_sha256, manifest_version, title, saved_query, generated_by, generated_at,
            as_of, parameters, owner_ids, revoked_at, expires_at
        ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (snapshot_id) do update set
            revoked_at = coalesce(existing.revoked_at, excluded.revoked_at),
            expires_at = least(existing.expires_at, excluded.expires_at)
        """,
        (
            manifest.id,
            snapshot.manifest_sha256,
            snapshot.manifest_version,
            manifest.title,
            manifest.saved_query,
            manifest.generated_by,
            manifest.generated_at,
            manifest.as_of,
            Jsonb(manifest.parameters),
            list(manifest.owner_ids) if manifest.owner_ids else None,
            revoked_at,
            expires_at,
        ),
    )


def mark_revoked(connection: Connection[TupleRow], snapshot_id: SnapshotId) -> None:
    """Record that the link is revoked from now on. An earlier revocation keeps its time."""
    connection.execute(
        "update dynamics.snapshots set revoked_at = now() where snapshot_id = %s and revoked_at is null",
        (snapshot_id,),
    )


def mark_expiring(connection: Connection[TupleRow], snapshot_id: SnapshotId, at: datetime) -> None:
    """Record the end of the link."""
    connection.execute(
        "update dynamics.snapshots set expires_at = %s where snapshot_id = %s", (at, snapshot_id)
    )


def add_opens(connection: Connection[TupleRow], opens: Mapping[str, int]) -> None:
    """Add the number of times that pages were opened, by snapshot id. Set the last time to now."""
    connection.cursor().executemany(
        "update dynamics.snapshots set opens = opens + %s, last_opened_at = now() where snapshot_id = %s",
        [(times, snapshot_id) for snapshot_id, times in sorted(opens.items())],
    )
