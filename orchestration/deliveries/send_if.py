"""Whether a report is worth a mail: `send_if`, asked once for each occurrence, with its reason where it is not."""

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot, SnapshotDamaged, SnapshotNotFound
from orchestration.deliveries.occurrences import Occurrence
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.conditions import exceeds
from orchestration.saved_queries.saved_query import SavedQuery


def reason_not_to_send(
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    snapshot: Snapshot,
) -> str | None:
    """Why `send_if` keeps this report from being mailed, in one line; None when it is to be mailed.

    `changed`: its cells differ from those of the report that was mailed before it, whatever the labels of its
    periods; the first one always does. `any_data`: a transaction lies in its interval. Thresholds: one that is
    exceeded is enough.
    """
    send_if = saved_query.delivery.send_if if saved_query.delivery else "always"
    if send_if == "always":
        return None
    if send_if == "any_data":
        return None if snapshot.manifest.data_interval else "no data: nothing happened in its interval"
    if send_if == "changed":
        before = _mailed_before(connection, archive, occurrence)
        if before is None or _numbers(before) != _numbers(snapshot):
            return None
        return f"not changed: its numbers are those of {before.manifest.link}"
    table, by_period = snapshot.table(), _query_of(snapshot).time_group is not None
    if any(exceeds(table, threshold, by_period=by_period) for threshold in send_if):
        return None
    return f"within limits: not {' nor '.join(map(str, send_if))}"


def _mailed_before(
    connection: Connection[TupleRow], archive: Archive, occurrence: Occurrence
) -> Snapshot | None:
    """The latest earlier report that was mailed, or is about to be; None when there is none to compare with."""
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
    except (SnapshotNotFound, SnapshotDamaged):  # revoked or broken: better a mail too many than one too few
        return None


def _numbers(snapshot: Snapshot) -> object:
    """What must differ for a report to have changed: the labels of periods move on by themselves."""
    table = snapshot.table()
    return table.blocks if _query_of(snapshot).time_group else (table.columns, table.blocks)


def _query_of(snapshot: Snapshot) -> ReportQuery:
    return ReportQuery.model_validate(snapshot.manifest.parameters)
