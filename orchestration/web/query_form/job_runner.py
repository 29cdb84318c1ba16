"""The work of a job: compute the report, archive its snapshot, mail its file.

A job runs in a thread, on its own connection.
"""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.errors import QueryCanceled
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot
from orchestration.deliveries import manual
from orchestration.errors import DynamicsError, Unavailable
from orchestration.reporting.cancellation import Cancellation, ReportCancelled
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Report
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings
from orchestration.snapshots import SnapshotDetails, create_snapshot
from orchestration.web.mails import load_requested_mails
from orchestration.web.query_form import jobs
from orchestration.web.query_form.jobs import Job

DEFAULT_TITLE = "Customer Dynamics"
"""The title of a report that belongs to no saved query."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobRunner:
    """A job with everything it needs."""

    job: Job
    query: ReportQuery
    saved_query: SavedQuery | None
    """The saved query with exactly these parameters, if there is one."""
    output: str
    send_to: tuple[str, ...]

    def start(
        self, archive: Archive, connection: Connection[TupleRow], resources: AbstractContextManager[object]
    ) -> Thread:
        """Start the job in a thread.

        The thread closes `resources` (archive and connection) at its end.
        """

        def run() -> None:
            try:
                with resources:
                    self._run(archive, connection)
                    jobs.release(connection)
            except (OperationalError, Unavailable) as error:
                _log.error("job %s has lost its database connection: %s", self.job.key, error)

        # A daemon thread: a stopping server does not wait for a report. The visitor can retry.
        thread = Thread(target=run, name=f"query {self.job.key}", daemon=True)
        thread.start()
        return thread

    def _run(self, archive: Archive, connection: Connection[TupleRow]) -> None:
        key = self.job.key
        try:
            snapshot = archive.find_stored(self.job.snapshot_id) or self._create_snapshot(archive, connection)
            problem = self._send_mails(archive, connection, snapshot)
            jobs.finish(connection, key, "done", problem)
        except ReportCancelled:
            connection.rollback()  # the row of the job already says that it is cancelled
        except QueryCanceled:
            connection.rollback()
            jobs.finish(
                connection, key, "failed", "the database stopped the query because it exceeded the time limit"
            )
        except DynamicsError as error:
            connection.rollback()
            jobs.finish(connection, key, "failed", str(error))
        except Exception:  # noqa: BLE001 - the waiting visitor must learn of any failure
            _log.exception("job %s failed", key)
            connection.rollback()
            jobs.finish(
                connection,
                key,
                "failed",
                "an internal error occurred: the administrator of this service finds the reason in the log",
            )

    def _create_snapshot(self, archive: Archive, connection: Connection[TupleRow]) -> Snapshot:
        moment = datetime.now(UTC)
        details = SnapshotDetails(
            title=self.saved_query.title if self.saved_query else DEFAULT_TITLE,
            generated_by=f"user {self.job.visitor}",
            generated_at=moment,
            saved_query=self.saved_query.name if self.saved_query else None,
            chart=self.saved_query.output.chart if self.saved_query else None,
            snapshot_id=self.job.snapshot_id,
        )
        return create_snapshot(
            connection,
            archive,
            self.query,
            details,
            base_currency=settings().base_currency,
            moment=moment,
            compute=self._compute,
        )

    def _compute(self, connection: Connection[TupleRow], query: ReportQuery, **options: Any) -> Report:
        """Compute the report. Raise ReportCancelled if the job is cancelled before the end."""
        cancellation = Cancellation()
        with jobs.watch_for_cancellation(connection, self.job.key, cancellation.cancel):
            report = compute_report(connection, query, cancellation=cancellation, **options)
        if not jobs.advance(connection, self.job.key, "keeping"):
            raise ReportCancelled
        return report

    def _send_mails(
        self, archive: Archive, connection: Connection[TupleRow], snapshot: Snapshot
    ) -> str | None:
        """Mail the file to the recipients. Return the problem if the mail server does not answer.

        Queue nothing if an earlier attempt of the job has queued the mails already.
        """
        if not self.send_to or load_requested_mails(connection, snapshot.manifest.id):
            return None
        jobs.advance(connection, self.job.key, "mailing")
        try:
            manual.mail_snapshot(connection, archive, snapshot, self.send_to, formats=(self.output,))
        except Unavailable as error:
            return str(error)
        return None
