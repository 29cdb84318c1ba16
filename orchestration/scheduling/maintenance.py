"""Maintenance: sends waiting mails and failure mails, and deletes old runs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.connections import database, open_archive
from orchestration.deliveries.failure_log import record_failure, send_failure_mails
from orchestration.deliveries.failure_messages import has_lost_mails, take_lost_mails
from orchestration.deliveries.mail_queue import send_queued
from orchestration.errors import DynamicsError, Unavailable
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.reload import CODE_LOCATION
from orchestration.settings import settings

_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_UNFINISHED = [status for status in dg.DagsterRunStatus if status not in _ENDED]


def is_upkeep_needed(connection: Connection[TupleRow]) -> bool:
    """Return True if a mail is due for a minute, a worker died with a mail, or a failure waits."""
    row = connection.execute(
        """
        select exists (
            select from dynamics.deliveries
            where state = 'queued' and greatest(not_before, queued_at) < now() - interval '1 minute'
            and (leased_until is null or leased_until < now())
        ) or exists (
            select from dynamics.deliveries where state = 'sending' and leased_until < now()
        ) or exists (select from dynamics.failures where notified_at is null)
        """
    ).fetchone()
    return bool(row and row[0]) or has_lost_mails(connection)


def run_upkeep(saved_queries: Sequence[SavedQuery]) -> list[str]:
    """Send waiting mails and failure mails. Return one line for each part that does not answer.

    Raise Unavailable if the database does not answer.
    """
    problems = []
    try:
        with open_archive() as (archive, connection):
            send_queued(connection, archive)
    except Unavailable as error:
        problems.append(str(error))
    with database() as connection:
        by_name = {saved_query.name: saved_query for saved_query in saved_queries}
        for failure in take_lost_mails(connection, by_name):
            record_failure(connection, failure)
        connection.commit()
        send_failure_mails(connection)
    return problems


def build_upkeep_sensor(saved_queries: Sequence[SavedQuery]) -> dg.SensorDefinition:
    """Return the sensor `waiting_mails`, which requests an upkeep run every minute if needed."""

    @dg.op(pool="mail", description="Sends waiting mails, and mails lost mails to `on_failure`.")
    def send_waiting(context: dg.OpExecutionContext) -> None:
        for problem in run_upkeep(saved_queries):
            context.log.warning(problem)

    @dg.job(description="Sends waiting mails and failure mails.")
    def upkeep() -> None:
        send_waiting()

    @dg.sensor(
        name="waiting_mails",
        job=upkeep,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests an upkeep run if a mail or a failure mail waits.",
    )
    def waiting_mails(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            with database() as connection:
                is_needed = is_upkeep_needed(connection)
        except DynamicsError as error:
            return dg.SkipReason(str(error))
        if not is_needed:
            return dg.SkipReason("nothing waits")
        if context.instance.get_runs_count(dg.RunsFilter(job_name=upkeep.name, statuses=_UNFINISHED)):
            return dg.SkipReason("an upkeep run is not finished yet")
        return dg.RunRequest()

    return waiting_mails


def prune_runs(instance: dg.DagsterInstance, now: datetime) -> int:
    """Delete finished runs and their logs after DYNAMICS_KEEP_RUNS_DAYS. Return how many."""
    old_runs = dg.RunsFilter(statuses=_ENDED, created_before=_earliest_kept(now))
    deleted = 0
    while runs := instance.get_runs(old_runs, limit=100):
        for run in runs:
            instance.delete_run(run.run_id)
        deleted += len(runs)
    return deleted


def prune_query_jobs(connection: Connection[TupleRow], now: datetime) -> int:
    """Delete the query jobs of the web form after DYNAMICS_KEEP_RUNS_DAYS. Return how many.

    Their reports stay in the archive. Commits.
    """
    deleted = connection.execute(
        "delete from dynamics.query_jobs where coalesce(finished_at, began_at) < %s", [_earliest_kept(now)]
    ).rowcount
    connection.commit()
    return deleted


def _earliest_kept(now: datetime) -> datetime:
    return now - timedelta(days=settings().keep_runs_days)


def build_prune_schedule() -> dg.ScheduleDefinition:
    """Return the schedule `nightly_prune`, which deletes old runs and query jobs every night."""

    @dg.op(description="Deletes runs and logs of Dagster that are older than DYNAMICS_KEEP_RUNS_DAYS.")
    def delete_old_runs(context: dg.OpExecutionContext) -> None:
        context.log.info("%s runs are deleted", prune_runs(context.instance, datetime.now(UTC)))

    @dg.op(description="Deletes query jobs that are older than DYNAMICS_KEEP_RUNS_DAYS. Their reports stay.")
    def delete_old_query_jobs(context: dg.OpExecutionContext) -> None:
        with database() as connection:
            context.log.info("%s query jobs are deleted", prune_query_jobs(connection, datetime.now(UTC)))

    @dg.job(name="prune_runs", description="Deletes old runs of Dagster and old query jobs of the web form.")
    def prune() -> None:
        delete_old_runs()
        delete_old_query_jobs()

    return dg.ScheduleDefinition(
        name="nightly_prune",
        job=prune,
        cron_schedule="40 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def end_dead_runs(instance: dg.DagsterInstance) -> int:
    """Mark the runs of a killed scheduler as failed, before the next one starts. Return how many.

    Otherwise they count as running, and block their moments, until their time limit is over.
    """
    begun = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    # Only runs of the scheduler have this tag. Runs of `make demo` in its own process do not.
    dead_runs = instance.get_runs(
        dg.RunsFilter(statuses=begun, tags={"dagster/code_location": CODE_LOCATION})
    )
    for run in dead_runs:
        instance.report_run_failed(run, "The scheduler was stopped while this ran.")
    return len(dead_runs)
