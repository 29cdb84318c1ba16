"""The sensor that mails the failures that the scheduler does not repair itself."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.connections import database
from orchestration.deliveries.failure_log import (
    Failure,
    record_failure,
    send_failure_mails,
    send_without_recording,
)
from orchestration.deliveries.failure_messages import describe_failed_build, describe_failed_report
from orchestration.errors import Unavailable
from orchestration.mailing.connection import to_one_line
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import (
    NOT_FINAL,
    REPORT_KEPT,
    build_snapshot_key,
    delivery_key,
    step_name,
)
from orchestration.scheduling.marts_assets import MARTS
from orchestration.scheduling.partitions import parse_partition_key
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, PARTITION, SCHEDULE

if TYPE_CHECKING:
    from dagster._core.execution.plan.objects import StepFailureData


def build_failure_sensor(saved_queries: Sequence[SavedQuery]) -> dg.SensorDefinition:
    """Return the sensor `failures`, which mails failed runs to `on_failure`."""

    @dg.run_failure_sensor(
        name="failures",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Mails permanent failures to `on_failure`: what failed, for whom, and the command that repairs it.",
    )
    def failures(context: dg.RunFailureSensorContext) -> None:
        report_failures(
            list(find_failures(context.dagster_run, context.get_step_failure_events(), saved_queries))
        )

    return failures


def report_failures(failures: Sequence[Failure]) -> None:
    """Record failures and mail them. If the database does not answer, only mail them."""
    try:
        with database() as connection:
            for failure in failures:
                record_failure(connection, failure)
            connection.commit()
            send_failure_mails(connection)
    except Unavailable:
        send_without_recording(failures)


def find_failures(
    run: dg.DagsterRun, steps: Iterable[dg.DagsterEvent], saved_queries: Sequence[SavedQuery]
) -> Iterator[Failure]:
    """Yield the failures to mail for a failed run.

    A failed build of the marts is always mailed. A failed report is mailed only if it was
    scheduled. If a part such as the database did not answer, the failure is mailed at the first and
    at the last attempt. A run that died is repeated, and mailed only at the last attempt.
    """
    failed_steps = {step.step_key: step.step_failure_data for step in steps if step.step_key}
    selected = set(run.asset_selection or ())
    if "marts" in failed_steps or (not failed_steps and selected.intersection(MARTS)):
        yield describe_failed_build(saved_queries, _describe_reason(failed_steps.get("marts")), run.run_id)
    if SCHEDULE not in run.tags:
        return
    moment, attempt = parse_partition_key(run.tags[PARTITION]), int(run.tags.get(ATTEMPT, "1"))
    for saved_query in saved_queries:
        failure = failed_steps.get(step_name(saved_query))
        keys = {build_snapshot_key(saved_query), delivery_key(saved_query)}
        run_died = not failed_steps and not selected.isdisjoint(keys)
        is_final = attempt >= MAX_ATTEMPTS or (failure is not None and not _has_metadata(failure, NOT_FINAL))
        is_first_without_report = (
            failure is not None and attempt == 1 and not _has_metadata(failure, REPORT_KEPT)
        )
        if (is_final and (failure or run_died)) or is_first_without_report:
            yield describe_failed_report(
                saved_query, moment, _describe_reason(failure), run.run_id, will_retry=not is_final
            )


def _has_metadata(failure: "StepFailureData", name: str) -> bool:
    return failure.user_failure_data is not None and name in failure.user_failure_data.metadata


def _describe_reason(failure: "StepFailureData | None") -> str:
    """Return the reason of a failed step in one line."""
    if failure is None:
        return "The run ended early: its process died, or it took longer than the time limit."
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    return to_one_line(failure.error.message) if failure.error else "The reason is not known."
