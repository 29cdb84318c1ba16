"""The archive: stores snapshots and opens them again.

The bucket is the truth. The table `dynamics.snapshots` is its index. A snapshot is a folder in
the bucket:

    snapshots/<id>/<sha256>.<extension>   a file; a second attempt writes the same name
    snapshots/<id>/manifest.json          written last: without it the snapshot does not exist
    snapshots/<id>/revoked                exists if the link is revoked
    snapshots/<id>/expires/<set>_<end>    exists if the link has an end; the last one set counts
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from orchestration.archive import index
from orchestration.archive.index import IndexEntry, ManifestLocation
from orchestration.archive.keys import (
    ROOT,
    build_expiry_key,
    build_manifest_key,
    build_revocation_key,
    find_last_expiry,
)
from orchestration.archive.snapshot import (
    CLIENTS,
    TABLE,
    Manifest,
    Snapshot,
    SnapshotDamaged,
    SnapshotId,
    SnapshotNotFound,
    StoredFile,
    is_snapshot_id,
    read_verified,
)
from orchestration.errors import RequestError
from orchestration.object_store import ObjectDiffers, ObjectStore
from orchestration.reporting.report import Provenance, Report

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow


MAX_CACHED_BYTES = 1024 * 1024
"""A stored file up to this size stays in memory, because a mail often needs it next."""
_UPLOAD_THREADS = 6


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to store in a snapshot."""

    name: str
    """The name in the manifest: a format, TABLE or CLIENTS."""
    body: bytes
    content_type: str
    filename: str
    """The name under which a browser saves the file."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of verifying one snapshot."""

    snapshot_id: str
    sound_objects: int
    """The number of objects that have their stored hash."""
    problems: tuple[str, ...]
    """A sentence for each problem."""


class Archive:
    """The snapshots in a bucket, and their index in a database.

    `public_url` is the beginning of the links. Methods that write commit the connection. All
    methods raise Unavailable if the bucket does not answer.
    """

    def __init__(self, store: ObjectStore, connection: "Connection[TupleRow]", public_url: str) -> None:
        self._store = store
        self._connection = connection
        self._public_url = public_url.rstrip("/")

    def link(self, snapshot_id: str) -> str:
        """Return the link of a snapshot."""
        return f"{self._public_url}/view?id={snapshot_id}"

    def store(
        self,
        report: Report,
        provenance: Provenance,
        files: Iterable[NewFile],
        *,
        snapshot_id: SnapshotId,
        info: list[tuple[str, str]],
        chart: str | None = None,
    ) -> Snapshot:
        """Store a report with its files and return the snapshot as its link opens it.

        Each file is uploaded while `files` makes the next one. `info` has the lines of the info
        panel. If the archive already has a snapshot with this id, return that one and make no
        file. Raise RequestError for an invalid title or id, SnapshotNotFound for the id of a
        revoked snapshot.
        """
        if re.search(r"[\x00-\x1f\x7f]", provenance.title):
            raise RequestError(f"title {provenance.title!r} has control characters: remove them")
        if not is_snapshot_id(snapshot_id):
            raise RequestError(f"{snapshot_id!r} is not a snapshot id: reserve one with new_snapshot_id")
        if location := index.find_manifest(self._connection, snapshot_id):
            return self._open(location)
        uploaded, cached_files = self._upload(snapshot_id, files)
        manifest = Manifest.of(
            report, provenance, snapshot_id=snapshot_id, chart=chart, info=info, files=uploaded
        )
        body = manifest.model_dump_json(indent=1).encode()
        try:
            stored = self._store.put_new(build_manifest_key(snapshot_id), body, "application/json")
        except ObjectDiffers:
            # Another process stored a snapshot with this id at the same time: the first one counts.
            snapshot = self.open(snapshot_id)
        else:
            snapshot = Snapshot(
                manifest, stored.sha256, stored.version_id, self._store, cached_files, report.table
            )
        self._add_to_index(snapshot)
        return snapshot

    def find_stored(self, snapshot_id: SnapshotId) -> Snapshot | None:
        """Return the snapshot that an earlier attempt stored under a reserved id, or None.

        If that attempt ended before the snapshot was in the index, add it to the index. Raise as
        `open` for a revoked id and a damaged manifest.
        """
        location = self._find(snapshot_id)
        if location is None:
            return None
        snapshot = self._open(location)
        if location.sha256 is None:
            self._add_to_index(snapshot)
        return snapshot

    def open(self, snapshot_id: str) -> Snapshot:
        """Return the snapshot with that id.

        Raise SnapshotNotFound if the id is unknown, malformed, revoked or expired, with the same
        message. Raise SnapshotDamaged if the manifest has changed or cannot be read.
        """
        return self._open(self._find(snapshot_id))

    def list(self, limit: int = 100, saved_query: str | None = None) -> list[IndexEntry]:
        """Return the newest entries of the index, newest first, including revoked snapshots.

        `saved_query` limits them to one saved query.
        """
        return index.list_entries(self._connection, limit, saved_query)

    def entry(self, snapshot_id: str) -> IndexEntry | None:
        """Return the index entry of a snapshot; None if there is none."""
        return index.find_entry(self._connection, SnapshotId(snapshot_id))

    def verify(self, ids: Iterable[str] | None = None) -> Iterator[Verdict]:
        """Read every object of these snapshots again and compare the hashes.

        `ids` None means all snapshots of the index and of the bucket.
        """
        if ids is None:
            indexed = {entry.snapshot_id for entry in index.list_entries(self._connection, None, None)}
            ids = sorted(indexed | {location.snapshot_id for location in self._list_bucket()})
        return map(self._verify, ids)

    def reindex(self) -> int:
        """Add the snapshots of the bucket to the index. Return how many snapshots the bucket has.

        Hashes and revocations in the index stay. Raise SnapshotDamaged if a manifest cannot be
        read, after all other snapshots have been added.
        """
        indexed, damaged = 0, []
        for location in self._list_bucket():
            try:
                index.add_entry(
                    self._connection, self._load(location), location.revoked_at, location.expires_at
                )
                indexed += 1
            except SnapshotDamaged as error:
                damaged.append(str(error))
        self._connection.commit()
        if damaged:
            raise SnapshotDamaged(f"{indexed} snapshots are indexed, {len(damaged)} cannot be: {damaged[0]}")
        return indexed

    def revoke(self, snapshot_id: str) -> None:
        """Close the link for ever. The stored bytes stay.

        Raise SnapshotNotFound for an unknown id.
        """
        known_id = self._require(snapshot_id)
        # The marker comes first, so that rebuilding the index cannot open the link again.
        self._store.put_new(build_revocation_key(known_id), b"revoked\n", "text/plain")
        index.mark_revoked(self._connection, known_id)
        self._connection.commit()

    def expire(self, snapshot_id: str, at: datetime) -> None:
        """End the link at `at`, an instant with a time zone. It replaces an earlier end.

        The stored bytes stay. Raise SnapshotNotFound for an unknown id.
        """
        known_id = self._require(snapshot_id)
        self._store.put_new(build_expiry_key(known_id, at), b"expires\n", "text/plain")
        index.mark_expiring(self._connection, known_id, at)
        self._connection.commit()

    def _require(self, snapshot_id: str) -> SnapshotId:
        location = self._find(snapshot_id)
        if location is None:
            raise SnapshotNotFound(f"there is no snapshot {snapshot_id!r}: see `dynamics snapshots list`")
        return location.snapshot_id

    def _upload(
        self, snapshot_id: SnapshotId, files: Iterable[NewFile]
    ) -> tuple[dict[str, StoredFile], dict[str, bytes]]:
        """Upload the files. Return the stored files, and the content of the small ones, by name."""
        uploads: dict[str, Future[StoredFile]] = {}
        small: dict[str, bytes] = {}
        with ThreadPoolExecutor(_UPLOAD_THREADS) as threads:
            for file in files:
                uploads[file.name] = threads.submit(self._put_file, snapshot_id, file)
                if file.name not in (TABLE, CLIENTS) and len(file.body) <= MAX_CACHED_BYTES:
                    small[file.name] = file.body
        return {name: upload.result() for name, upload in uploads.items()}, small

    def _put_file(self, snapshot_id: SnapshotId, file: NewFile) -> StoredFile:
        extension = file.filename.rpartition(".")[2]
        key = f"{ROOT}{snapshot_id}/{hashlib.sha256(file.body).hexdigest()}.{extension}"
        stored = self._store.put_new(key, file.body, file.content_type)
        return StoredFile(
            key=key,
            sha256=stored.sha256,
            size=stored.size,
            version_id=stored.version_id,
            content_type=file.content_type,
            filename=file.filename,
        )

    def _add_to_index(self, snapshot: Snapshot) -> None:
        index.add_entry(self._connection, snapshot)
        self._connection.commit()

    def _find(self, snapshot_id: str) -> ManifestLocation | None:
        """Return the location of the manifest according to the index, or else to the bucket."""
        if not is_snapshot_id(snapshot_id):
            return None
        return index.find_manifest(self._connection, snapshot_id) or next(
            self._list_bucket(f"{snapshot_id}/"), None
        )

    def _list_bucket(self, prefix: str = "") -> Iterator[ManifestLocation]:
        """Yield the snapshots in the bucket. The first version of each manifest counts."""
        for snapshot_id, group in groupby(
            self._store.list(ROOT + prefix), key=lambda item: item.key.split("/")[1]
        ):
            if not is_snapshot_id(snapshot_id):
                continue
            objects = {item.key: item for item in group}
            manifest = objects.get(build_manifest_key(snapshot_id))
            revoked = objects.get(build_revocation_key(snapshot_id))
            if manifest:
                yield ManifestLocation(
                    snapshot_id,
                    manifest.version_id,
                    None,
                    revoked.written_at if revoked else None,
                    find_last_expiry(snapshot_id, objects),
                )

    def _open(self, location: ManifestLocation | None) -> Snapshot:
        if location is None or not location.is_open:
            raise SnapshotNotFound("there is no report under this id: check that the link is complete")
        return self._load(location)

    def _load(self, location: ManifestLocation) -> Snapshot:
        key = build_manifest_key(location.snapshot_id)
        body = read_verified(self._store, key, location.version_id, location.sha256)
        manifest = Manifest.parse(body, key)
        if manifest.id != location.snapshot_id:
            raise SnapshotDamaged(
                f"{key} is the manifest of another snapshot: restore it from the bucket's backup"
            )
        return Snapshot(manifest, hashlib.sha256(body).hexdigest(), location.version_id, self._store)

    def _verify(self, snapshot_id: str) -> Verdict:
        location = self._find(snapshot_id)
        if location is None:
            return Verdict(snapshot_id, 0, ("there is no such snapshot: see `dynamics snapshots list`",))
        problems = [] if location.sha256 else ["it is not in the index: run `dynamics snapshots reindex`"]
        try:
            snapshot = self._load(location)
        except SnapshotDamaged as error:
            return Verdict(snapshot_id, 0, (*problems, str(error)))
        sound = 1
        for name in snapshot.manifest.files:
            try:
                snapshot.read(name)
                sound += 1
            except SnapshotDamaged as error:
                problems.append(str(error))
        problems += [
            f"{item.key} was written {item.versions} times: the first version still counts."
            " Find out what wrote it again"
            for item in self._store.list(f"{ROOT}{snapshot_id}/")
            if item.versions > 1
        ]
        return Verdict(snapshot_id, sound, tuple(problems))
