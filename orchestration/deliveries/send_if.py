"""The condition `send_if`: whether a report is mailed, and the reason if it is not."""

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot, SnapshotDamaged, SnapshotNotFound
from orchestration.deliveries.occurrences import Occurrence
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.conditions import is_threshold_exceeded
from orchestration.saved_queries.saved_query import SavedQuery


def find_reason_not_to_send(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    snapshot: Snapshot,
) -> str | None:
    """Return why `send_if` suppresses the mail of this report, in one line, or None.

    - `changed`: the cells differ from the previous mailed report. Labels of periods do not count.
      The first report is always mailed.
    - `any_data`: the interval has at least one transaction.
    - thresholds: at least one of them is exceeded.
    """
    send_if = saved_query.delivery.send_if if saved_query.delivery else "always"
    if send_if == "always":
        return None
    if send_if == "any_data":
        return None if snapshot.manifest.data_interval else "no data: its interval has no transactions"
    if send_if == "changed":
        before = _open_previous_mailed(connection, archive, occurrence)
        if before is None or _comparable_cells(before) != _comparable_cells(snapshot):
            return None
        return f"not changed: its numbers are the same as in {before.manifest.link}"
    table, by_period = snapshot.table(), _query_of(snapshot).time_group is not None
    if any(is_threshold_exceeded(table, threshold, by_period=by_period) for threshold in send_if):
        return None
    return f"within limits: not {' nor '.join(map(str, send_if))}"


def _open_previous_mailed(
    connection: Connection[TupleRow], archive: Archive, occurrence: Occurrence
) -> Snapshot | None:
    """Return the latest earlier report that was mailed or waits to be mailed, or None."""
    row = connection.execute(
        """
        select snapshot_id from dynamics.occurrences o
        where
            purpose = 'delivery' and saved_query = %s and slice = %s and (scheduled_at, edition) < (%s, %s)
            and exists (
                select from dynamics.deliveries d
                where d.occurrence_id = o.occurrence_id and d.state in ('queued', 'sending', 'sent', 'unknown')
            )
        order by scheduled_at desc, edition desc
        limit 1
        """,
        [occurrence.saved_query, occurrence.slice, occurrence.scheduled_at, occurrence.edition],
    ).fetchone()
    try:
        return archive.open(row[0]) if row else None
    except (SnapshotNotFound, SnapshotDamaged):
        # Without a report to compare with, an unnecessary mail is better than a missing one.
        return None


def _comparable_cells(snapshot: Snapshot) -> object:
    """Return the part of the table that must differ. The labels of periods always differ."""
    table = snapshot.table()
    return table.blocks if _query_of(snapshot).time_group else (table.columns, table.blocks)


def _query_of(snapshot: Snapshot) -> ReportQuery:
    return ReportQuery.model_validate(snapshot.manifest.parameters)
