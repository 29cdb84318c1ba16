"""What runs beside the deliveries: mails that wait are sent, failures told, old runs of Dagster forgotten."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.connections import database, open_archive
from orchestration.deliveries.failures import record, tell
from orchestration.deliveries.post import send_queued
from orchestration.deliveries.what_failed import is_any_lost, lost_mails
from orchestration.errors import DynamicsError, Unavailable
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.reload import LOCATION
from orchestration.settings import settings

_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_UNFINISHED = [status for status in dg.DagsterRunStatus if status not in _ENDED]


def is_needed(connection: Connection[TupleRow]) -> bool:
    """Whether a mail has waited for a minute, a worker has died with one, or a failure is still to be told."""
    row = connection.execute(
        """
        select exists (
            select from dynamics.deliveries
            where state = 'queued' and greatest(not_before, queued_at) < now() - interval '1 minute'
            and (leased_until is null or leased_until < now())
        ) or exists (
            select from dynamics.deliveries where state = 'sending' and leased_until < now()
        ) or exists (select from dynamics.failures where told_at is null)
        """
    ).fetchone()
    return bool(row and row[0]) or is_any_lost(connection)


def keep_up(saved_queries: Sequence[SavedQuery]) -> list[str]:
    """Sends what waits and tells of what failed for good; gives a line for each thing that could not be done now.

    Raises Unavailable when the database is away.
    """
    problems = []
    try:
        with open_archive() as (archive, connection):
            send_queued(connection, archive)
    except Unavailable as error:
        problems.append(str(error))
    with database() as connection:
        for failure in lost_mails(connection, {each.name: each for each in saved_queries}):
            record(connection, failure)
        connection.commit()
        tell(connection)
    return problems


def upkeep_sensor(saved_queries: Sequence[SavedQuery]) -> dg.SensorDefinition:
    """Asks for a run each minute in which there is something to do."""

    @dg.op(pool="mail", description="Sends mails that wait, and tells `on_failure` of those that were lost.")
    def send_waiting(context: dg.OpExecutionContext) -> None:
        for problem in keep_up(saved_queries):
            context.log.warning(problem)

    @dg.job(description="Mails that wait, and failures that are to be told.")
    def upkeep() -> None:
        send_waiting()

    @dg.sensor(
        name="waiting_mails",
        job=upkeep,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for the upkeep when a mail waits or a failure is to be told.",
    )
    def waiting_mails(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            with database() as connection:
                needed = is_needed(connection)
        except DynamicsError as error:
            return dg.SkipReason(str(error))
        if not needed:
            return dg.SkipReason("nothing waits")
        if context.instance.get_runs_count(dg.RunsFilter(job_name=upkeep.name, statuses=_UNFINISHED)):
            return dg.SkipReason("it is at work")
        return dg.RunRequest()

    return waiting_mails


def prune(instance: dg.DagsterInstance, now: datetime) -> int:
    """Deletes the runs, with their logs, that ended and are older than DYNAMICS_KEEP_RUNS_DAYS; returns how many."""
    old = dg.RunsFilter(statuses=_ENDED, created_before=_kept_since(now))
    pruned = 0
    while runs := instance.get_runs(old, limit=100):
        for run in runs:
            instance.delete_run(run.run_id)
        pruned += len(runs)
    return pruned


def prune_jobs(connection: Connection[TupleRow], now: datetime) -> int:
    """Deletes the questions asked in the form that ended, or were lost, as long ago; returns how many. Their reports stay. Commits."""
    pruned = connection.execute(
        "delete from dynamics.query_jobs where coalesce(finished_at, began_at) < %s", [_kept_since(now)]
    ).rowcount
    connection.commit()
    return pruned


def _kept_since(now: datetime) -> datetime:
    return now - timedelta(days=settings().keep_runs_days)


def prune_schedule() -> dg.ScheduleDefinition:
    """Every night, old runs and questions are forgotten; what was sent is in the record, and stays."""

    @dg.op(description="Deletes the runs and logs of Dagster that are older than DYNAMICS_KEEP_RUNS_DAYS.")
    def forget_old_runs(context: dg.OpExecutionContext) -> None:
        context.log.info("%s runs are forgotten", prune(context.instance, datetime.now(UTC)))

    @dg.op(description="Deletes the questions asked in the form that ended as long ago; their reports stay.")
    def forget_old_questions(context: dg.OpExecutionContext) -> None:
        with database() as connection:
            context.log.info("%s questions are forgotten", prune_jobs(connection, datetime.now(UTC)))

    @dg.job(description="Old runs of Dagster, and old questions of the form, are forgotten.")
    def prune_runs() -> None:
        forget_old_runs()
        forget_old_questions()

    return dg.ScheduleDefinition(
        name="nightly_prune",
        job=prune_runs,
        cron_schedule="40 3 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def end_dead_runs(instance: dg.DagsterInstance) -> int:
    """Ends the runs that a scheduler left when it was killed, before the next one starts; returns how many.

    They would count as running, and keep their moments from being asked for again, until their longest time is over.
    """
    begun = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    # Launched ones have this tag, those of `make demo`, in its own process, have not.
    dead = instance.get_runs(dg.RunsFilter(statuses=begun, tags={"dagster/code_location": LOCATION}))
    for run in dead:
        instance.report_run_failed(run, "The scheduler was stopped while this ran.")
    return len(dead)
