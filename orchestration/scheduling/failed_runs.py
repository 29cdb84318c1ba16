"""The sensor that hears of runs that failed, and tells of those that nothing repairs by itself."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.connections import database
from orchestration.deliveries.failures import Failure, record, tell, tell_directly
from orchestration.deliveries.what_failed import failed_build, failed_report
from orchestration.errors import Unavailable
from orchestration.mailing.connection import one_line
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import NOT_FINAL, REPORT_KEPT, delivery_key, snapshot_key, step_name
from orchestration.scheduling.dagster_marts import MARTS
from orchestration.scheduling.partitions import moment_of
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, PARTITION, SCHEDULE

if TYPE_CHECKING:
    from dagster._core.execution.plan.objects import StepFailureData


def failures_sensor(saved_queries: Sequence[SavedQuery]) -> dg.SensorDefinition:
    """Tells `on_failure` of runs that failed."""

    @dg.run_failure_sensor(
        name="failures",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Mails `on_failure` what failed for good, for whom, and the command that repairs it.",
    )
    def failures(context: dg.RunFailureSensorContext) -> None:
        found = failures_of(context.dagster_run, context.get_step_failure_events(), saved_queries)
        report(list(found))

    return failures


def report(failures: Sequence[Failure]) -> None:
    """Writes failures down and tells of them; while the database is away, tells of them all the same."""
    try:
        with database() as connection:
            for failure in failures:
                record(connection, failure)
            connection.commit()
            tell(connection)
    except Unavailable:
        tell_directly(failures)


def failures_of(
    run: dg.DagsterRun, steps: Iterable[dg.DagsterEvent], saved_queries: Sequence[SavedQuery]
) -> Iterator[Failure]:
    """What a failed run means: for the marts always something, for reports only if they were scheduled.

    A report that could not be made because a part was away is told of at its first attempt, and again when it was
    the last. A run that died is repeated without a word until it was the last.
    """
    failed = {step.step_key: step.step_failure_data for step in steps if step.step_key}
    asked = set(run.asset_selection or ())
    if "marts" in failed or (not failed and asked.intersection(MARTS)):
        yield failed_build(saved_queries, _reason(failed.get("marts")), run.run_id)
    if SCHEDULE not in run.tags:
        return
    moment, attempt = moment_of(run.tags[PARTITION]), int(run.tags.get(ATTEMPT, "1"))
    for saved_query in saved_queries:
        failure = failed.get(step_name(saved_query))
        final = attempt >= MAX_ATTEMPTS or (failure is not None and not _has(failure, NOT_FINAL))
        died = not failed and not asked.isdisjoint({snapshot_key(saved_query), delivery_key(saved_query)})
        away = failure is not None and attempt == 1 and not _has(failure, REPORT_KEPT)
        if (final and (failure or died)) or away:
            yield failed_report(saved_query, moment, _reason(failure), run.run_id, again=not final)


def _has(failure: "StepFailureData", metadata: str) -> bool:
    return failure.user_failure_data is not None and metadata in failure.user_failure_data.metadata


def _reason(failure: "StepFailureData | None") -> str:
    """The line that a user's error says, or whatever another says, on one line."""
    if failure is None:
        return "The run ended before it was done: its process died, or took longer than it may."
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    return one_line(failure.error.message) if failure.error else "No reason is known."
