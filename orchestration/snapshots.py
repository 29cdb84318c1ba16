"""The application service that creates snapshots: it computes, renders and archives reports."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import CLIENTS, TABLE, Archive, NewFile, Snapshot, SnapshotId, new_snapshot_id
from orchestration.progress import Progress
from orchestration.rendering import FORMATS, info_lines, render, render_table_json
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Provenance, Report

_MAX_TITLE_LENGTH = 80
"""Characters of the title in a file name."""


@dataclass(frozen=True, slots=True)
class SnapshotDetails:
    """What a snapshot records about itself, apart from the report."""

    title: str
    generated_by: str
    """`user NAME`, `schedule` or `backfill`."""
    generated_at: datetime | None = None
    """With a time zone. None means the time at which the report has been computed."""
    saved_query: str | None = None
    """The name of the saved query, if the report belongs to one."""
    chart: str | None = None
    """The chart preset that the workbook contains."""
    snapshot_id: SnapshotId | None = None
    """A reserved id. None means a new id."""


def create_snapshot(
    connection: Connection[TupleRow],
    archive: Archive,
    query: ReportQuery,
    details: SnapshotDetails,
    *,
    base_currency: str,
    moment: datetime,
    compute: Callable[..., Report] = compute_report,
    progress: Progress | None = None,
) -> Snapshot:
    """Compute the report of a query, render its files, and archive them as a snapshot.

    `moment` is the time at which a named interval is resolved. `compute` has the parameters and
    the result of `compute_report`. `progress` receives the progress of the computation and of the
    rendering. When `details` has a reserved id, ask `Archive.find_stored` first: an earlier
    attempt may have archived the snapshot. Raise what `compute` and `archive_report` raise.
    """
    report = compute(
        connection,
        query,
        base_currency=base_currency,
        moment=moment,
        with_clients=True,
        progress=progress,
    )
    return archive_report(archive, report, details, progress)


def archive_report(
    archive: Archive, report: Report, details: SnapshotDetails, progress: Progress | None = None
) -> Snapshot:
    """Render a computed report in every format, archive the files and return the snapshot.

    If the archive already has a snapshot with the reserved id, return that snapshot. Raise what
    `Archive.store` and `render` raise.
    """
    snapshot_id = details.snapshot_id or new_snapshot_id()
    provenance = Provenance(
        details.title,
        details.generated_by,
        details.generated_at or datetime.now(UTC),
        archive.link(snapshot_id),
        details.saved_query,
    )
    return archive.store(
        report,
        provenance,
        _render_files(report, provenance, details.chart, progress),
        snapshot_id=snapshot_id,
        info=info_lines(report, provenance),
        chart=details.chart,
    )


def _render_files(
    report: Report, provenance: Provenance, chart: str | None, progress: Progress | None
) -> Iterator[NewFile]:
    """Yield each rendered file. The archive uploads it while the next one is rendered."""
    yield NewFile(TABLE, render_table_json(report.table), "application/json", f"{TABLE}.json")
    if report.clients is not None:
        yield NewFile(CLIENTS, report.clients, "application/vnd.apache.parquet", f"{CLIENTS}.parquet")
    stem = _file_stem(report, provenance.title)
    for fmt, form in FORMATS.items():
        body = render(report, provenance, fmt, chart=chart, progress=progress)
        yield NewFile(fmt, body, form.content_type, f"{stem}.{form.extension}")


def _file_stem(report: Report, title: str) -> str:
    """Return a file name without extension: the letters of the title, and the first and last day.

    The name is valid on every file system.
    """
    words = re.sub(r"[^\w.]+", "-", title).strip("-._")[:_MAX_TITLE_LENGTH] or "report"
    last = report.interval.end.wall_time - timedelta(microseconds=1)
    return f"{words}_{report.interval.start.wall_time:%Y-%m-%d}_{last:%Y-%m-%d}"
