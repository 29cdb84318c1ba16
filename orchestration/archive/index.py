"""`dynamics.snapshots`: the index of the bucket, and the witness against a changed one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb

from orchestration.archive.snapshot import Snapshot

LinkState = Literal["open", "revoked", "expired"]

_ENTRIES = """
    select snapshot_id, title, saved_query, generated_by, generated_at, as_of, revoked_at, expires_at, opens, last_opened_at
    from dynamics.snapshots
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the manifest of a snapshot lies. Only the index knows `sha256`, what it must hash to."""

    snapshot_id: str
    version_id: str | None
    sha256: str | None
    revoked_at: datetime | None
    expires_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether the link still opens: it was not revoked, and its end has not come."""
        return link_state(self.revoked_at, self.expires_at) == "open"


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
    expires_at: datetime | None
    opens: int
    """How often the page behind the link was opened, and when last."""
    last_opened_at: datetime | None

    @property
    def link_state(self) -> LinkState:
        """What has become of its link."""
        return link_state(self.revoked_at, self.expires_at)


def link_state(revoked_at: datetime | None, expires_at: datetime | None) -> LinkState:
    """What has become of a link: it was taken away, its end has come, or it opens."""
    if revoked_at:
        return "revoked"
    return "expired" if expires_at and expires_at <= datetime.now(UTC) else "open"


def find(connection: Connection[TupleRow], snapshot_id: str) -> Place | None:
    """Where the index says the manifest of that snapshot is."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(
            """
            select snapshot_id, manifest_version as version_id, manifest_sha256 as sha256, revoked_at, expires_at
            from dynamics.snapshots where snapshot_id = %s
            """,
            (snapshot_id,),
        ).fetchone()


def still_open(connection: Connection[TupleRow], snapshot_ids: Collection[str]) -> set[str]:
    """Of these snapshots those whose links open now."""
    found = connection.execute(
        """
        select snapshot_id from dynamics.snapshots
        where snapshot_id = any(%s) and revoked_at is null and (expires_at is null or expires_at > now())
        """,
        (list(snapshot_ids),),
    ).fetchall()
    return {snapshot_id for (snapshot_id,) in found}


def entry(connection: Connection[TupleRow], snapshot_id: str) -> Entry | None:
    """What the index knows of that snapshot."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(f"{_ENTRIES} where snapshot_id = %s", (snapshot_id,)).fetchone()


def entries(connection: Connection[TupleRow], limit: int | None, saved_query: str | None) -> list[Entry]:
    """The newest snapshots, newest first; `limit` None means all, `saved_query` None of whatever query."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            f"""
            {_ENTRIES}
            where saved_query = %(saved_query)s or %(saved_query)s::text is null
            order by generated_at desc, snapshot_id
            limit %(limit)s
            """,
            {"saved_query": saved_query, "limit": limit},
        ).fetchall()


def record(
    connection: Connection[TupleRow],
    snapshot: Snapshot,
    revoked_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Adds a snapshot. Of one that is known only its end is added: a hash, once witnessed, stays."""
    manifest = snapshot.manifest
    connection.execute(
        """
        insert into dynamics.snapshots as known (
            snapshot_id, manifest_sha256, manifest_version, title, saved_query, generated_by, generated_at,
            as_of, parameters, owner_ids, revoked_at, expires_at
        ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (snapshot_id) do update set
            revoked_at = coalesce(known.revoked_at, excluded.revoked_at),
            expires_at = coalesce(known.expires_at, excluded.expires_at)
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


def mark_revoked(connection: Connection[TupleRow], snapshot_id: str) -> None:
    """Writes down that the link of this snapshot was taken away, now unless it was before."""
    connection.execute(
        "update dynamics.snapshots set revoked_at = now() where snapshot_id = %s and revoked_at is null",
        (snapshot_id,),
    )


def mark_expiring(connection: Connection[TupleRow], snapshot_id: str, at: datetime) -> None:
    """Writes down when the link of this snapshot ends."""
    connection.execute(
        "update dynamics.snapshots set expires_at = %s where snapshot_id = %s", (at, snapshot_id)
    )


def add_opens(connection: Connection[TupleRow], opens: Mapping[str, int]) -> None:
    """Counts how often pages were opened, by snapshot id, as of now."""
    connection.cursor().executemany(
        "update dynamics.snapshots set opens = opens + %s, last_opened_at = now() where snapshot_id = %s",
        [(times, snapshot_id) for snapshot_id, times in sorted(opens.items())],
    )
