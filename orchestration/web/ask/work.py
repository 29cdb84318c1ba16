"""The work behind a job, in a thread and on a connection of its own: compute, keep, mail."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread

from psycopg import Connection, OperationalError
from psycopg.errors import QueryCanceled
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot
from orchestration.deliveries import on_request
from orchestration.errors import DynamicsError, Unavailable
from orchestration.reporting.cancellation import Cancellation, ReportCancelled
from orchestration.reporting.engine import make_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings
from orchestration.web.ask import jobs
from orchestration.web.ask.jobs import Job
from orchestration.web.ask.mails import mails_of

TITLE = "Customer Dynamics"
"""Of a report that is no saved query's."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What a job is to make: the query, whose it is, and to whom its file goes."""

    job: Job
    query: ReportQuery
    saved: SavedQuery | None
    """The saved query that asks for exactly this."""
    output: str
    send_to: tuple[str, ...]

    def begin(
        self, archive: Archive, connection: Connection[TupleRow], opened: AbstractContextManager[object]
    ) -> Thread:
        """Starts the work, which closes `opened` (what `archive` and `connection` come from) at its end."""

        def run() -> None:
            try:
                with opened:
                    self._run(archive, connection)
                    jobs.let_go(connection)
            except (OperationalError, Unavailable) as error:
                _log.error("job %s has lost its database, and is told of as lost: %s", self.job.job, error)

        # A daemon: a server that is told to stop does not wait for a report; who asked is told, and asks again.
        thread = Thread(target=run, name=f"query {self.job.job}", daemon=True)
        thread.start()
        return thread

    def _run(self, archive: Archive, connection: Connection[TupleRow]) -> None:
        key = self.job.job
        try:
            snapshot = archive.kept(self.job.snapshot_id) or self._kept(archive, connection)
            if snapshot is None:
                return
            problem = self._mailed(archive, connection, snapshot)
            jobs.end(connection, key, "done", problem)
        except ReportCancelled:
            connection.rollback()  # whoever cancelled it has written that down
        except QueryCanceled:
            connection.rollback()
            jobs.end(
                connection, key, "failed", "the database has ended it: it took longer than is allowed there"
            )
        except DynamicsError as error:
            connection.rollback()
            jobs.end(connection, key, "failed", str(error))
        except Exception:  # noqa: BLE001 - whatever it is, who waits must be told that it is over
            _log.exception("the report of job %s could not be made", key)
            connection.rollback()
            jobs.end(
                connection,
                key,
                "failed",
                "something went wrong here: whoever runs this service finds it in its log",
            )

    def _kept(self, archive: Archive, connection: Connection[TupleRow]) -> Snapshot | None:
        """The report as a snapshot; None when it was cancelled before it was computed."""
        moment = datetime.now(UTC)
        cancellation = Cancellation()
        with jobs.watched(connection, self.job.job, cancellation.cancel):
            report = make_report(
                connection,
                self.query,
                base_currency=settings().base_currency,
                moment=moment,
                with_clients=True,
                cancellation=cancellation,
            )
        if not jobs.advance(connection, self.job.job, "keeping"):
            return None
        return archive.keep(
            report,
            title=self.saved.title if self.saved else TITLE,
            generated_by=f"user {self.job.visitor}",
            generated_at=moment,
            saved_query=self.saved.name if self.saved else None,
            chart=self.saved.output.chart if self.saved else None,
            snapshot_id=self.job.snapshot_id,
        )

    def _mailed(self, archive: Archive, connection: Connection[TupleRow], snapshot: Snapshot) -> str | None:
        """Mails the report to those who are to have it; why a mail still waits, if one does."""
        if not self.send_to or mails_of(connection, snapshot.manifest.id):
            return None  # what a server that died had queued goes out with all that is queued
        jobs.advance(connection, self.job.job, "mailing")
        try:
            on_request.mail_snapshot(connection, archive, snapshot, self.send_to, formats=(self.output,))
        except Unavailable as error:
            return str(error)
        return None
