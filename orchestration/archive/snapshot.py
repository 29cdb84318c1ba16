"""A snapshot: one generated report, stored for ever as it was (definition: Snapshot).

The snapshot format has versions (`FORMAT_VERSION`). A snapshot of every version can be read.
"""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NewType, TypeGuard

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from orchestration.errors import DynamicsError, RequestError
from orchestration.object_store import ObjectMissing, ObjectStore
from orchestration.reporting.report import Provenance, Report
from orchestration.reporting.table import FORMAT_VERSION, ReportTable

SnapshotId = NewType("SnapshotId", str)
"""The id of a snapshot. It is part of the link, and it cannot be guessed."""

TABLE = "table"
"""The name of the stored file with the report table itself."""
CLIENTS = "clients"
"""The name of the stored file with the drill-down clients. Some snapshots have no such file."""

_ID = re.compile(r"[A-Za-z0-9_-]{32}")


class SnapshotNotFound(RequestError):
    """The snapshot does not exist, or its link is revoked or expired. The message is the same."""


class SnapshotDamaged(DynamicsError):
    """The stored bytes of a snapshot are missing or cannot be read, or they have changed."""


def new_snapshot_id() -> SnapshotId:
    """Return a new id of 192 random bits. It does not look like a flag of a command."""
    while (snapshot_id := secrets.token_urlsafe(24)).startswith("-"):
        pass
    return SnapshotId(snapshot_id)


def is_snapshot_id(text: str) -> TypeGuard[SnapshotId]:
    """Return True if the text has the form of an id."""
    return _ID.fullmatch(text) is not None


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Stored):
    """Two instants in UTC."""

    from_: AwareDatetime
    to: AwareDatetime


class StoredFile(_Stored):
    """One file of a snapshot."""

    key: str
    """The key of the object in the bucket."""
    sha256: str
    """The hash of the content, in hexadecimal digits."""
    size: int
    """The number of bytes."""
    version_id: str | None
    """The version of the object. None in a bucket without versions."""
    content_type: str
    filename: str
    """The name under which a browser saves the file."""


class Manifest(_Stored):
    """The description of a snapshot. A snapshot exists as soon as its manifest is written."""

    schema_version: int = 1
    """The version of the snapshot format."""
    id: SnapshotId
    title: str
    saved_query: str | None
    generated_by: str
    generated_at: AwareDatetime
    link: str
    parameters: dict[str, Any]
    """The parameters of the query, with the report currency filled in."""
    owner_ids: tuple[str, ...] | None = None
    """The resellers that the owners of the query stand for. None if the query names no owner.

    The first snapshots of version 1 do not have this value.
    """
    interval: Span
    """The resolved interval: `to` is the first instant after it."""
    timezone: str
    currency: str | None
    chart: str | None
    """The chart preset of the workbook."""
    data_interval: Span | None
    """The first and last transaction of the report within the interval. None means no data."""
    as_of: AwareDatetime
    build_id: int
    duration_seconds: float
    info: tuple[tuple[str, str], ...]
    """The labels and values of the info panel."""
    files: dict[str, StoredFile]
    """The stored files by name: the formats, TABLE, and CLIENTS if the snapshot has it."""

    @classmethod
    def of(
        cls,
        report: Report,
        provenance: Provenance,
        *,
        snapshot_id: SnapshotId,
        chart: str | None,
        info: list[tuple[str, str]],
        files: dict[str, StoredFile],
    ) -> "Manifest":
        """Return the manifest of a report with these stored files."""
        return cls(
            schema_version=FORMAT_VERSION,
            id=snapshot_id,
            title=provenance.title,
            saved_query=provenance.saved_query,
            generated_by=provenance.generated_by,
            generated_at=provenance.generated_at.astimezone(UTC),
            link=provenance.link,
            parameters=report.query.model_dump(mode="json", by_alias=True),
            owner_ids=report.owner_ids,
            interval=_span(report.interval.start.instant, report.interval.end.instant),
            timezone=report.query.timezone,
            currency=report.query.currency,
            chart=chart,
            data_interval=_span(*report.data_interval) if report.data_interval else None,
            as_of=report.as_of.astimezone(UTC),
            build_id=report.build_id,
            duration_seconds=report.computed_in.total_seconds(),
            info=tuple(info),
            files=files,
        )

    @classmethod
    def parse(cls, body: bytes, key: str) -> "Manifest":
        """Return the manifest in the object `key`. Raise SnapshotDamaged if it cannot be read."""
        try:
            content = json.loads(body)
            version = content.get("schema_version", 1)
        except (ValueError, AttributeError) as error:
            raise SnapshotDamaged(_not_a_manifest(key)) from error
        if version not in range(1, FORMAT_VERSION + 1):
            raise SnapshotDamaged(
                f"{key} has format version {version}, and this release reads the versions 1 to"
                f" {FORMAT_VERSION}: install a newer release"
            )
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise SnapshotDamaged(_not_a_manifest(key)) from error


def _not_a_manifest(key: str) -> str:
    return f"{key} is not a valid manifest: restore it from the bucket's backup"


def _span(start: datetime, end: datetime) -> Span:
    return Span(from_=start.astimezone(UTC), to=end.astimezone(UTC))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An opened snapshot. Each read compares the content with the stored hashes."""

    manifest: Manifest
    manifest_sha256: str
    manifest_version: str | None
    """The version of the manifest object. None in a bucket without versions."""
    store: ObjectStore
    cached_files: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """Files that were just written or verified, by name. They are not read again."""
    cached_table: ReportTable | None = field(default=None, repr=False, compare=False)
    """The table that was just written."""

    def read(self, name: str) -> bytes:
        """Return the stored bytes of the file `name`.

        Raise KeyError if the snapshot has no such file, SnapshotDamaged if the bytes have changed.
        """
        if name in self.cached_files:
            return self.cached_files[name]
        file = self.manifest.files[name]
        return read_verified(self.store, file.key, file.version_id, file.sha256)

    def table(self) -> ReportTable:
        """Return the table as it was computed. Raise SnapshotDamaged if it cannot be read."""
        if self.cached_table:
            return self.cached_table
        self.cached_files.setdefault(TABLE, self.read(TABLE))
        return ReportTable.from_json(json.loads(self.cached_files[TABLE]))


def read_verified(store: ObjectStore, key: str, version_id: str | None, sha256: str | None) -> bytes:
    """Return the bytes of an object that has the expected hash (None: any hash).

    Raise SnapshotDamaged if the object is missing or has another hash.
    """
    try:
        body = store.get(key, version_id)
    except ObjectMissing as error:
        raise SnapshotDamaged(
            f"{key} is gone from the bucket: restore it from the bucket's backup"
        ) from error
    if sha256 is not None and hashlib.sha256(body).hexdigest() != sha256:
        raise SnapshotDamaged(f"{key} does not match its SHA-256: restore it from the bucket's backup")
    return body
