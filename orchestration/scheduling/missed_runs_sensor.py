"""The sensor that requests runs for missed moments, dead runs and data that is now ready."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from orchestration.connections import database
from orchestration.deliveries.catch_up import (
    MISSED_AFTER,
    Decision,
    apply_plan,
    plan_catch_up,
    register_schedules,
)
from orchestration.deliveries.freshness import load_as_of
from orchestration.errors import DynamicsError
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import build_snapshot_key, delivery_key
from orchestration.scheduling.partitions import format_partition_key
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, PARTITION, SCHEDULE
from orchestration.scheduling.schedules import build_run_request, find_schedule_name

_MAX_RUN_REQUESTS = 50
"""Runs that one look requests. A later look requests the rest."""

OpenMoments = dict[tuple[str, datetime], list[SavedQuery]]
"""The saved queries that share a run, by schedule name and moment."""


def build_missed_runs_sensor(
    saved_queries: Sequence[SavedQuery], unreadable: Collection[str]
) -> dg.SensorDefinition:
    """Return the sensor `due`, which looks for open moments every half minute.

    `unreadable` names the saved queries whose files have mistakes.
    """

    @dg.sensor(
        name="due",
        asset_selection=dg.AssetSelection.groups("snapshots", "deliveries"),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests the runs that the schedules did not start: for missed moments, for runs that died, "
        "and for data that is now ready.",
    )
    def due(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        now = datetime.now(UTC)
        try:
            open_moments, remarks = plan_runs(
                filter_switched_on(context.instance, saved_queries), now, unreadable
            )
        except DynamicsError as error:
            return dg.SkipReason(str(error))
        for remark in remarks:
            context.log.info(remark)
        requests = list(build_run_requests(context.instance, open_moments, now))
        return requests[:_MAX_RUN_REQUESTS] or dg.SkipReason("; ".join(remarks) or "no open moments")

    return due


def filter_switched_on(instance: dg.DagsterInstance, saved_queries: Sequence[SavedQuery]) -> list[SavedQuery]:
    """Return the scheduled saved queries whose schedule is not stopped in Dagster."""
    stopped = {
        state.instigator_name for state in instance.all_instigator_state() if state.status.value == "STOPPED"
    }
    return [
        saved_query
        for saved_query in saved_queries
        if saved_query.delivery
        and saved_query.delivery.schedule
        and find_schedule_name(saved_query) not in stopped
    ]


def plan_runs(
    saved_queries: Sequence[SavedQuery], now: datetime, unreadable: Collection[str] = ()
) -> tuple[OpenMoments, list[str]]:
    """Return the moments to run at `now`, and a remark for each moment that is not run.

    Record the moments that are skipped or have failed. Raise Unavailable if the database does not
    answer: nothing is recorded then.
    """
    open_moments: OpenMoments = defaultdict(list)
    remarks = []
    with database() as connection:
        register_schedules(connection, saved_queries, now, unreadable)
        as_of = load_as_of(connection)
        for saved_query in saved_queries:
            plan = plan_catch_up(connection, saved_query, now, as_of)
            apply_plan(connection, saved_query, plan)
            for moment in plan.moments[Decision.RUN]:
                open_moments[find_schedule_name(saved_query), moment].append(saved_query)
            remarks += plan.waiting
            closed = len(plan.moments[Decision.SKIP]) + len(plan.moments[Decision.FAIL_STALE])
            if closed:
                remarks.append(f"{saved_query.name}: {closed} moments are closed without a mail")
    return open_moments, remarks


def build_run_requests(
    instance: dg.DagsterInstance, open_moments: OpenMoments, now: datetime
) -> Iterator[dg.RunRequest]:
    """Yield a run request for each moment, oldest first.

    Leave out saved queries that are in an unfinished run or wait for their next attempt.
    """
    for (name, moment), group in sorted(open_moments.items(), key=lambda item: item[0][::-1]):
        tags = {SCHEDULE: name, PARTITION: format_partition_key(group[0], moment)}
        earlier_runs = instance.get_run_records(dg.RunsFilter(tags=tags))
        by_attempt = defaultdict(list)
        for saved_query in group:
            keys = {build_snapshot_key(saved_query), delivery_key(saved_query)}
            own_runs = [run for run in earlier_runs if keys & (run.dagster_run.asset_selection or set())]
            if _may_run(own_runs, now):
                by_attempt[len(own_runs) + 1].append(saved_query)
        for attempt, ready in by_attempt.items():
            # The number of earlier runs makes the run key unique for each attempt.
            suffix = f"{len(earlier_runs)} {attempt}"
            yield build_run_request(name, ready, moment, {ATTEMPT: str(attempt)}, suffix)


def _may_run(own_runs: Sequence[dg.RunRecord], now: datetime) -> bool:
    """Return True if all earlier runs are finished and the wait for the next attempt is over."""
    if any(not run.dagster_run.is_finished for run in own_runs):
        return False
    ended = max((run.update_timestamp for run in own_runs), default=None)
    return ended is None or (
        len(own_runs) < MAX_ATTEMPTS
        and now >= ended.astimezone(UTC) + MISSED_AFTER * 2 ** (len(own_runs) - 1)
    )
