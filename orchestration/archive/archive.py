"""Keeps reports and finds them again.

The bucket is the truth, `dynamics.snapshots` its index. In the bucket a snapshot is a folder:

    snapshots/<id>/<sha256>.<extension>   its files, named by content, so that a second attempt never collides
    snapshots/<id>/manifest.json          written last: without it there is no snapshot
    snapshots/<id>/revoked                there when the link was revoked
    snapshots/<id>/expires/<set>_<end>    there when the link was given an end: the last one set counts
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from pydantic import ValidationError

from orchestration.archive import index
from orchestration.archive.index import Entry, Place
from orchestration.archive.keys import ROOT, expires_key, last_expiry, manifest_key, revoked_key
from orchestration.archive.snapshot import (
    CLIENTS,
    TABLE,
    Manifest,
    Snapshot,
    SnapshotDamaged,
    SnapshotNotFound,
    StoredFile,
    is_snapshot_id,
    new_snapshot_id,
    read_verified,
)
from orchestration.errors import RequestError
from orchestration.object_store import ObjectDiffers, ObjectStore
from orchestration.rendering import FORMATS, Progress, info_lines, render, table_json
from orchestration.reporting.report import Provenance, Report

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow


_IN_HAND = 1024 * 1024
"""Bytes of a file that is kept in memory for a mail that follows; a larger one is read again, if it is mailed at all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What re-reading one snapshot gave: how many objects are as they were kept, and what is wrong, a line each."""

    snapshot_id: str
    sound_objects: int
    problems: tuple[str, ...]


class Archive:
    """Snapshots in one bucket and their index in one database; `public_url` is what their links begin with.

    Methods that write commit the connection. All raise Unavailable when the bucket does not answer.
    """

    def __init__(self, store: ObjectStore, connection: "Connection[TupleRow]", public_url: str) -> None:
        self._store = store
        self._connection = connection
        self._public_url = public_url.rstrip("/")

    def link(self, snapshot_id: str) -> str:
        """Where the snapshot opens."""
        return f"{self._public_url}/view?id={snapshot_id}"

    def keep(
        self,
        report: Report,
        *,
        title: str,
        generated_by: str,
        generated_at: datetime,
        saved_query: str | None = None,
        chart: str | None = None,
        snapshot_id: str | None = None,
        progress: Progress | None = None,
    ) -> Snapshot:
        """Keeps a report, rendered in every format, and returns it as its link will open it; `progress` is told of the rendering.

        Under an id that was reserved before, a second call returns what the first one kept; `kept` tells of that
        before a report is made in vain. Raises RequestError for a title or id that cannot be kept, SnapshotNotFound
        for a revoked id.
        """
        if re.search(r"[\x00-\x1f\x7f]", title):
            raise RequestError(f"title {title!r} has control characters: remove them")
        snapshot_id = snapshot_id or new_snapshot_id()
        if not is_snapshot_id(snapshot_id):
            raise RequestError(f"{snapshot_id!r} is no snapshot id: reserve one with new_snapshot_id")
        if known := index.find(self._connection, snapshot_id):
            return self._opened(known)
        provenance = Provenance(title, generated_by, generated_at, self.link(snapshot_id), saved_query)
        snapshot = self._write(report, provenance, snapshot_id, chart, progress)
        self._record(snapshot)
        return snapshot

    def kept(self, snapshot_id: str) -> Snapshot | None:
        """What an earlier attempt has kept under a reserved id; None when it came to nothing.

        An attempt that died before the index knew its snapshot is completed. Raises as `open` for a revoked id and a
        damaged manifest.
        """
        place = self._find(snapshot_id)
        if place is None:
            return None
        snapshot = self._opened(place)
        if place.sha256 is None:
            self._record(snapshot)
        return snapshot

    def open(self, snapshot_id: str) -> Snapshot:
        """The snapshot of that id.

        Raises SnapshotNotFound when it is unknown, malformed, revoked or over, all alike, and SnapshotDamaged when
        its manifest is not the one that was kept.
        """
        return self._opened(self._find(snapshot_id))

    def list(self, limit: int = 100, saved_query: str | None = None) -> list[Entry]:
        """The newest snapshots of the index, newest first, revoked ones too; of one saved query if it is named."""
        return index.entries(self._connection, limit, saved_query)

    def entry(self, snapshot_id: str) -> Entry | None:
        """What the index knows of a snapshot: whether and when its link ends, and how often it was opened."""
        return index.entry(self._connection, snapshot_id)

    def verify(self, ids: Iterable[str] | None = None) -> Iterator[Verdict]:
        """Re-reads every object of these snapshots, or of all that the index or the bucket knows."""
        if ids is None:
            known = {entry.snapshot_id for entry in index.entries(self._connection, None, None)}
            ids = sorted(known | {place.snapshot_id for place in self._in_bucket()})
        return map(self._verdict, ids)

    def reindex(self) -> int:
        """Adds what the bucket holds and the index does not, and returns how many snapshots the bucket holds.

        Hashes and revocations that the index knows stay. Raises SnapshotDamaged, after all the others are
        indexed, when a manifest cannot be read.
        """
        indexed, damaged = 0, []
        for place in self._in_bucket():
            try:
                index.record(self._connection, self._load(place), place.revoked_at, place.expires_at)
                indexed += 1
            except SnapshotDamaged as error:
                damaged.append(str(error))
        self._connection.commit()
        if damaged:
            raise SnapshotDamaged(f"{indexed} snapshots are indexed, {len(damaged)} cannot be: {damaged[0]}")
        return indexed

    def revoke(self, snapshot_id: str) -> None:
        """Takes the link away, for ever; the bytes stay. Raises SnapshotNotFound for an id that never was."""
        self._require(snapshot_id)
        # The marker comes first: an index that is rebuilt must not bring the link back.
        self._store.put_new(revoked_key(snapshot_id), b"revoked\n", "text/plain")
        index.mark_revoked(self._connection, snapshot_id)
        self._connection.commit()

    def expire(self, snapshot_id: str, at: datetime) -> None:
        """Ends the link at that instant (aware), instead of at one that was set before; the bytes stay.

        Raises SnapshotNotFound for an id that never was.
        """
        self._require(snapshot_id)
        self._store.put_new(expires_key(snapshot_id, at), b"expires\n", "text/plain")
        index.mark_expiring(self._connection, snapshot_id, at)
        self._connection.commit()

    def _require(self, snapshot_id: str) -> None:
        if self._find(snapshot_id) is None:
            raise SnapshotNotFound(f"there is no snapshot {snapshot_id!r}: see `dynamics snapshots list`")

    def _write(
        self,
        report: Report,
        provenance: Provenance,
        snapshot_id: str,
        chart: str | None,
        progress: Progress | None,
    ) -> Snapshot:
        stem = _stem(report, provenance.title)
        in_hand: dict[str, bytes] = {}
        # One file is written while the next is rendered.
        with ThreadPoolExecutor(2 + len(FORMATS)) as writers:

            def put(body: bytes, content_type: str, filename: str) -> Future[StoredFile]:
                return writers.submit(self._put_file, snapshot_id, body, content_type, filename)

            writing = {TABLE: put(table_json(report.table), "application/json", f"{TABLE}.json")}
            if report.clients is not None:
                writing[CLIENTS] = put(report.clients, "application/vnd.apache.parquet", f"{CLIENTS}.parquet")
            for fmt, form in FORMATS.items():
                body = render(report, provenance, fmt, chart=chart, progress=progress)
                writing[fmt] = put(body, form.content_type, f"{stem}.{form.extension}")
                if len(body) <= _IN_HAND:
                    in_hand[fmt] = body
        files = {name: written.result() for name, written in writing.items()}
        manifest = Manifest.of(
            report,
            provenance,
            snapshot_id=snapshot_id,
            chart=chart,
            info=info_lines(report, provenance),
            files=files,
        )
        body = manifest.model_dump_json(indent=1).encode()
        try:
            stored = self._store.put_new(manifest_key(snapshot_id), body, "application/json")
        except ObjectDiffers:
            return self.open(snapshot_id)  # somebody else kept this id meanwhile: the first one counts
        return Snapshot(manifest, stored.sha256, stored.version_id, self._store, in_hand, report.table)

    def _record(self, snapshot: Snapshot) -> None:
        index.record(self._connection, snapshot)
        self._connection.commit()

    def _put_file(self, snapshot_id: str, body: bytes, content_type: str, filename: str) -> StoredFile:
        key = f"{ROOT}{snapshot_id}/{hashlib.sha256(body).hexdigest()}.{filename.rpartition('.')[2]}"
        stored = self._store.put_new(key, body, content_type)
        return StoredFile(
            key=key,
            sha256=stored.sha256,
            size=stored.size,
            version_id=stored.version_id,
            content_type=content_type,
            filename=filename,
        )

    def _find(self, snapshot_id: str) -> Place | None:
        """Where the index says that the snapshot is, and where the index does not know it, where the bucket has it."""
        if not is_snapshot_id(snapshot_id):
            return None
        return index.find(self._connection, snapshot_id) or next(self._in_bucket(f"{snapshot_id}/"), None)

    def _in_bucket(self, below: str = "") -> Iterator[Place]:
        """The snapshots that the bucket holds. Of a manifest that was written again, the first version counts."""
        for snapshot_id, listed in groupby(
            self._store.list(ROOT + below), key=lambda found: found.key.split("/")[1]
        ):
            objects = {found.key: found for found in listed}
            manifest, revoked = (
                objects.get(manifest_key(snapshot_id)),
                objects.get(revoked_key(snapshot_id)),
            )
            if manifest and is_snapshot_id(snapshot_id):
                yield Place(
                    snapshot_id,
                    manifest.version_id,
                    None,
                    revoked.written_at if revoked else None,
                    last_expiry(snapshot_id, objects),
                )

    def _opened(self, place: Place | None) -> Snapshot:
        if place is None or not place.is_open:
            raise SnapshotNotFound("there is no report under this id: check that the link is complete")
        return self._load(place)

    def _load(self, place: Place) -> Snapshot:
        key = manifest_key(place.snapshot_id)
        body = read_verified(self._store, key, place.version_id, place.sha256)
        try:
            manifest = Manifest.model_validate_json(body)
        except ValidationError as error:
            raise SnapshotDamaged(f"{key} is no manifest: restore it from the bucket's backup") from error
        if manifest.id != place.snapshot_id:
            raise SnapshotDamaged(
                f"{key} is the manifest of another snapshot: restore it from the bucket's backup"
            )
        return Snapshot(manifest, hashlib.sha256(body).hexdigest(), place.version_id, self._store)

    def _verdict(self, snapshot_id: str) -> Verdict:
        place = self._find(snapshot_id)
        if place is None:
            return Verdict(snapshot_id, 0, ("there is no such snapshot: see `dynamics snapshots list`",))
        problems = [] if place.sha256 else ["it is not in the index: run `dynamics snapshots reindex`"]
        try:
            snapshot = self._load(place)
        except SnapshotDamaged as error:
            return Verdict(snapshot_id, 0, (*problems, str(error)))
        sound = 1
        for fmt in snapshot.manifest.files:
            try:
                snapshot.read(fmt)
                sound += 1
            except SnapshotDamaged as error:
                problems.append(str(error))
        problems += [
            f"{found.key} was written {found.versions} times: the first still counts, find out who wrote again"
            for found in self._store.list(f"{ROOT}{snapshot_id}/")
            if found.versions > 1
        ]
        return Verdict(snapshot_id, sound, tuple(problems))


def _stem(report: Report, title: str) -> str:
    """A file name without its extension, safe on any disk: the title's letters in any script, and the days covered."""
    words = re.sub(r"[^\w.]+", "-", title).strip("-._")[:80] or "report"
    last = report.interval.end.wall - timedelta(microseconds=1)
    return f"{words}_{report.interval.start.wall:%Y-%m-%d}_{last:%Y-%m-%d}"
