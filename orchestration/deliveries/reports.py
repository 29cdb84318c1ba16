"""An occurrence becomes a snapshot, and a snapshot is checked before it is mailed."""

from datetime import UTC, datetime
from functools import partial

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot
from orchestration.builds.store import current_build
from orchestration.deliveries.occurrences import Occurrence
from orchestration.errors import DynamicsError
from orchestration.reporting.audit import audit
from orchestration.reporting.engine import make_report
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import cut
from orchestration.reporting.report import Progress, Report
from orchestration.saved_queries.saved_query import SavedQuery


class WrongReport(DynamicsError):
    """A report that cannot be right; it is kept, and not mailed."""


def snapshot_of(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    base_currency: str,
    *,
    shared: bool = False,
    progress: Progress | None = None,
) -> Snapshot:
    """The snapshot of an occurrence: the one that was kept, or one that is made now.

    Named intervals are those of the scheduled moment (interfaces: they resolve there, however late this runs).
    `shared`: other saved queries ask the same at the same moments, and this process computes it once for all. `progress` is told of a report that is made for this occurrence alone, and of its rendering. Raises what `make_report` and `Archive.keep` raise.
    """
    kept = None if occurrence.is_new else archive.kept(occurrence.snapshot_id)
    if kept:
        return kept
    make = shared_report if shared else partial(make_report, with_clients=True, progress=progress)
    report = make(connection, saved_query.query, base_currency=base_currency, moment=occurrence.scheduled_at)
    return archive.keep(
        report,
        title=saved_query.title,
        generated_by=occurrence.generated_by,
        generated_at=datetime.now(UTC),
        saved_query=saved_query.name,
        chart=saved_query.output.chart,
        snapshot_id=occurrence.snapshot_id,
        progress=progress,
    )


_shared: dict[ReportQuery, tuple[object, Report]] = {}


def shared_report(
    connection: Connection[TupleRow], query: ReportQuery, *, base_currency: str, moment: datetime
) -> Report:
    """What `make_report` gives, or gave before in this process for the same query, moment and build.

    Only the last report of each query is kept: memory is that of the queries that are shared.
    """
    with current_build(connection) as build:
        asked = (connection.info.dsn, base_currency, moment, build.build_id)
    made_for, report = _shared.get(query, (None, None))
    if report is None or made_for != asked:
        report = make_report(connection, query, base_currency=base_currency, moment=moment, with_clients=True)
        _shared[query] = asked, report
    return report


def problems_of(snapshot: Snapshot, moment: datetime) -> list[str]:
    """What is wrong with the stored table, its periods counted anew for `moment`, when its interval was resolved."""
    query = ReportQuery.model_validate(snapshot.manifest.parameters)
    labels = None
    if not query.by_package or query.time_group:
        labels = [
            period.label for period in cut(query, resolve_interval(query, moment), snapshot.manifest.as_of)
        ]
    return audit(snapshot.table(), labels)


def require_sound(snapshot: Snapshot, moment: datetime) -> None:
    """Raises WrongReport when the snapshot's table breaks a rule that no right report breaks."""
    problems = problems_of(snapshot, moment)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise WrongReport(
            f"the report {snapshot.manifest.link} is not mailed, because it is wrong: {problems[0]}{more}"
        )
