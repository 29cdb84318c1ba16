"""A snapshot: one generated report as it was at that moment, and for ever (spec 9)."""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from orchestration.errors import DynamicsError, RequestError
from orchestration.object_store import ObjectMissing, ObjectStore
from orchestration.reporting.report import Provenance, Report
from orchestration.reporting.table import ReportTable

TABLE = "table"
"""The stored file that holds the table itself, beside the rendered formats."""
CLIENTS = "clients"
"""The stored file that holds the clients behind the table, for those who are signed in; not every snapshot has one."""

_ID = re.compile(r"[A-Za-z0-9_-]{32}")


class SnapshotNotFound(RequestError):
    """There is no such snapshot: never was, or its link was revoked or is over. The message does not say which."""


class SnapshotDamaged(DynamicsError):
    """What is stored is not what was kept."""


def new_snapshot_id() -> str:
    """An id that nobody can guess: 192 random bits."""
    return secrets.token_urlsafe(24)


def is_snapshot_id(text: str) -> bool:
    """Whether `text` has the form of an id."""
    return _ID.fullmatch(text) is not None


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Stored):
    """Two instants, in UTC."""

    from_: AwareDatetime
    to: AwareDatetime


class StoredFile(_Stored):
    """One file of a snapshot: where it lies, what it must hash to (hex), and how a browser is to save it."""

    key: str
    sha256: str
    size: int
    version_id: str | None
    content_type: str
    filename: str


class Manifest(_Stored):
    """What a snapshot is, written last: a snapshot without one does not exist."""

    schema_version: Literal[1] = 1
    id: str
    title: str
    saved_query: str | None
    generated_by: str
    generated_at: AwareDatetime
    link: str
    parameters: dict[str, Any]
    """As asked, with the currency filled in."""
    owner_ids: tuple[str, ...] | None = None
    """The resellers that the owners stand for; None where none was named, or in a manifest older than this."""
    interval: Span
    """As resolved: `to` is the first instant after the interval."""
    timezone: str
    currency: str | None
    chart: str | None
    data_interval: Span | None
    """First and last transaction used that lie in the interval; None means no data."""
    as_of: AwareDatetime
    build_id: int
    duration_seconds: float
    info: tuple[tuple[str, str], ...]
    """The info panel, label by label."""
    files: dict[str, StoredFile]
    """By format, the table, and the clients where they were kept."""

    @classmethod
    def of(
        cls,
        report: Report,
        provenance: Provenance,
        *,
        snapshot_id: str,
        chart: str | None,
        info: list[tuple[str, str]],
        files: dict[str, StoredFile],
    ) -> "Manifest":
        """The manifest of a report whose files are stored already."""
        return cls(
            id=snapshot_id,
            title=provenance.title,
            saved_query=provenance.saved_query,
            generated_by=provenance.generated_by,
            generated_at=provenance.generated_at.astimezone(UTC),
            link=provenance.link,
            parameters=report.query.model_dump(mode="json", by_alias=True),
            owner_ids=report.owner_ids,
            interval=_span(report.interval.start.at, report.interval.end.at),
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


def _span(start: datetime, end: datetime) -> Span:
    return Span(from_=start.astimezone(UTC), to=end.astimezone(UTC))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A kept report, opened. Whatever is read from it was compared with what was kept."""

    manifest: Manifest
    manifest_sha256: str
    manifest_version: str | None
    store: ObjectStore
    in_hand: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """Bytes that were just written, or compared, and need not be read again."""
    computed: ReportTable | None = field(default=None, repr=False, compare=False)
    """The table whose text was just written."""

    def read(self, fmt: str) -> bytes:
        """The stored bytes of one file, by its name in the manifest. Raises KeyError for another, SnapshotDamaged when they differ."""
        if fmt in self.in_hand:
            return self.in_hand[fmt]
        file = self.manifest.files[fmt]
        return read_verified(self.store, file.key, file.version_id, file.sha256)

    def table(self) -> ReportTable:
        """The table as it was computed. Raises SnapshotDamaged."""
        if self.computed:
            return self.computed
        self.in_hand.setdefault(TABLE, self.read(TABLE))
        return ReportTable.from_json(json.loads(self.in_hand[TABLE]))


def read_verified(store: ObjectStore, key: str, version_id: str | None, sha256: str | None) -> bytes:
    """An object's bytes, compared with their hash (None: none is known). Raises SnapshotDamaged."""
    try:
        body = store.get(key, version_id)
    except ObjectMissing as error:
        raise SnapshotDamaged(
            f"{key} is gone from the bucket: restore it from the bucket's backup"
        ) from error
    if sha256 is not None and hashlib.sha256(body).hexdigest() != sha256:
        raise SnapshotDamaged(f"{key} does not match its SHA-256: restore it from the bucket's backup")
    return body
