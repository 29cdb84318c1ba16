"""Report generation: creates the snapshot of an occurrence, and checks it before it is mailed."""

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot
from orchestration.builds.store import current_build
from orchestration.deliveries.occurrences import Occurrence
from orchestration.errors import DynamicsError
from orchestration.progress import Progress
from orchestration.reporting.consistency import find_inconsistencies
from orchestration.reporting.engine import compute_report
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import list_periods
from orchestration.reporting.report import Report
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.snapshots import SnapshotDetails, create_snapshot


class InconsistentReport(DynamicsError):
    """A report that breaks a consistency rule. It is kept and not mailed."""


def load_or_create_snapshot(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    base_currency: str,
    *,
    shared: bool = False,
    progress: Progress | None = None,
) -> Snapshot:
    """Return the snapshot of an occurrence: the stored one, or a new one.

    A named interval is resolved at the scheduled moment, even if the delivery runs later. `shared`
    means that other saved queries have the same parameters and moments. This process then computes
    the report once for all of them. Raise what `create_snapshot` raises.
    """
    stored = None if occurrence.is_new else archive.find_stored(occurrence.snapshot_id)
    return stored or create_snapshot(
        connection,
        archive,
        saved_query.query,
        SnapshotDetails(
            title=saved_query.title,
            generated_by=occurrence.generated_by,
            saved_query=saved_query.name,
            chart=saved_query.output.chart,
            snapshot_id=occurrence.snapshot_id,
        ),
        base_currency=base_currency,
        moment=occurrence.scheduled_at,
        compute=compute_shared_report if shared else compute_report,
        progress=progress,
    )


_shared: dict[ReportQuery, tuple[object, Report]] = {}


def compute_shared_report(
    connection: Connection[TupleRow],
    query: ReportQuery,
    *,
    base_currency: str,
    moment: datetime,
    **options: Any,
) -> Report:
    """Return the result of `compute_report`, from the memory of this process if possible.

    The memory holds the last report of each query. A different moment, build or database needs a
    new computation.
    """
    with current_build(connection) as build:
        key = (connection.info.dsn, base_currency, moment, build.build_id)
    stored_key, report = _shared.get(query, (None, None))
    if report is None or stored_key != key:
        report = compute_report(connection, query, base_currency=base_currency, moment=moment, **options)
        _shared[query] = key, report
    return report


def find_problems(snapshot: Snapshot, moment: datetime) -> list[str]:
    """Return the inconsistencies of a stored table.

    `moment` is the instant at which the interval of the report was resolved.
    """
    query = ReportQuery.model_validate(snapshot.manifest.parameters)
    labels = None
    if not query.by_package or query.time_group:
        labels = [
            period.label
            for period in list_periods(query, resolve_interval(query, moment), snapshot.manifest.as_of)
        ]
    return find_inconsistencies(snapshot.table(), labels)


def require_consistent(snapshot: Snapshot, moment: datetime) -> None:
    """Raise InconsistentReport if the table of the snapshot breaks a consistency rule."""
    problems = find_problems(snapshot, moment)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InconsistentReport(
            f"the report {snapshot.manifest.link} is not mailed, because it is inconsistent: {problems[0]}{more}"
        )
