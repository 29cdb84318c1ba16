"""`dynamics.snapshots`: the index of the bucket, and the witness against a changed one."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from orchestration.archive.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Place:
    """Where the manifest of a snapshot lies. Only the index knows `sha256`, what it must hash to."""

    snapshot_id: str
    version_id: str | None
    sha256: str | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A snapshot as listings show it."""

    snapshot_id: str
    title: str
    saved_query: str | None
    generated_by: str
    generated_at: datetime
    as_of: datetime
    revoked_at: datetime | None


def find(connection: Connection[TupleRow], snapshot_id: str) -> Place | None:
    """Where the index says the manifest of that snapshot is."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(
            """
            select snapshot_id, manifest_version as version_id, manifest_sha256 as sha256, revoked_at
            from dynamics.snapshots where snapshot_id = %s
            """,
            (snapshot_id,),
        ).fetchone()


def entries(connection: Connection[TupleRow], limit: int | None, saved_query: str | None) -> list[Entry]:
    """The newest snapshots, newest first; `limit` None means all, `saved_query` None of whatever query."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            """
            select snapshot_id, title, saved_query, generated_by, generated_at, as_of, revoked_at
            from dynamics.snapshots
            where saved_query = %(saved_query)s or %(saved_query)s::text is null
            order by generated_at desc, snapshot_id
            limit %(limit)s
            """,
            {"saved_query": saved_query, "limit": limit},
        ).fetchall()


def record(connection: Connection[TupleRow], snapshot: Snapshot, revoked_at: datetime | None = None) -> None:
    """Adds a snapshot. Of one that is known only the revocation is added: a hash, once witnessed, stays."""
    manifest = snapshot.manifest
    connection.execute(
        """
        insert into dynamics.snapshots as known (
            snapshot_id, manifest_sha256, manifest_version, title, saved_query, generated_by, generated_at,
            as_of, parameters, revoked_at
        ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (snapshot_id) do update set revoked_at = coalesce(known.revoked_at, excluded.revoked_at)
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
            revoked_at,
        ),
    )


def mark_revoked(connection: Connection[TupleRow], snapshot_id: str) -> None:
    """Writes down that the link of this snapshot was taken away, now unless it was before."""
    connection.execute(
        "update dynamics.snapshots set revoked_at = now() where snapshot_id = %s and revoked_at is null",
        (snapshot_id,),
    )
