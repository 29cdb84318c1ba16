"""The sensor that asks for the runs that the schedules did not: missed moments, dead runs, data that has come."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from orchestration.connections import database
from orchestration.deliveries.catching_up import LATE, plan, register, settle
from orchestration.deliveries.freshness import data_until
from orchestration.errors import DynamicsError
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import delivery_key, snapshot_key
from orchestration.scheduling.partitions import partition_key_of
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, PARTITION, SCHEDULE
from orchestration.scheduling.schedules import run_request, schedule_name_of

_MOST = 50
"""Runs that one look asks for: with a minute's work in the queue nothing is gained by more."""

Wanted = dict[tuple[str, datetime], list[SavedQuery]]
"""By schedule and moment, the saved queries that share their run."""


def due_sensor(saved_queries: Sequence[SavedQuery], unreadable: Collection[str]) -> dg.SensorDefinition:
    """Looks every half minute at what is open. `unreadable`: saved queries whose files are broken at the moment."""

    @dg.sensor(
        name="due",
        asset_selection=dg.AssetSelection.groups("snapshots", "deliveries"),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for what the schedules did not: moments that were missed, runs that died, data that has come.",
    )
    def due(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        now = datetime.now(UTC)
        on = switched_on(context.instance, saved_queries)
        try:
            wanted, remarks = look(on, now, unreadable)
        except DynamicsError as error:
            return dg.SkipReason(str(error))
        for remark in remarks:
            context.log.info(remark)
        asked = list(requests(context.instance, wanted, now))
        return asked[:_MOST] or dg.SkipReason("; ".join(remarks) or "nothing is open")

    return due


def switched_on(instance: dg.DagsterInstance, saved_queries: Sequence[SavedQuery]) -> list[SavedQuery]:
    """The scheduled saved queries, without those whose schedule somebody has stopped in Dagster."""
    stopped = {
        state.instigator_name for state in instance.all_instigator_state() if state.status.value == "STOPPED"
    }
    return [
        each
        for each in saved_queries
        if each.delivery and each.delivery.schedule and schedule_name_of(each) not in stopped
    ]


def look(
    saved_queries: Sequence[SavedQuery], now: datetime, unreadable: Collection[str] = ()
) -> tuple[Wanted, list[str]]:
    """What is to be run at `now`, with a remark for whatever is not. Records what is skipped or has failed.

    Raises Unavailable when the database is away: it is all still open then.
    """
    wanted: Wanted = defaultdict(list)
    remarks = []
    with database() as connection:
        register(connection, saved_queries, now, unreadable)
        as_of = data_until(connection)
        for saved_query in saved_queries:
            planned = plan(connection, saved_query, now, as_of)
            settle(connection, saved_query, planned)
            for moment in planned.run:
                wanted[schedule_name_of(saved_query), moment].append(saved_query)
            remarks += planned.waiting
            if closed := len(planned.skip) + len(planned.stale):
                remarks.append(
                    f"{saved_query.name}: {closed} moments are over and recorded, none of them mailed"
                )
    return wanted, remarks


def requests(instance: dg.DagsterInstance, wanted: Wanted, now: datetime) -> Iterator[dg.RunRequest]:
    """A run for each moment, the oldest first; not for what is in a run, or waits for its next attempt."""
    for (name, moment), group in sorted(wanted.items(), key=lambda item: item[0][::-1]):
        tags = {SCHEDULE: name, PARTITION: partition_key_of(group[0], moment)}
        before = instance.get_run_records(dg.RunsFilter(tags=tags))
        by_attempt = defaultdict(list)
        for saved_query in group:
            keys = {snapshot_key(saved_query), delivery_key(saved_query)}
            own = [run for run in before if keys & (run.dagster_run.asset_selection or set())]
            if _may_run(own, now):
                by_attempt[len(own) + 1].append(saved_query)
        for attempt, ready in by_attempt.items():
            # The number of runs makes the key new for each further attempt, and only then.
            yield run_request(name, ready, moment, {ATTEMPT: str(attempt)}, f"{len(before)} {attempt}")


def _may_run(own: Sequence[dg.RunRecord], now: datetime) -> bool:
    if any(not run.dagster_run.is_finished for run in own):
        return False
    ended = max((run.update_timestamp for run in own), default=None)
    return ended is None or (
        len(own) < MAX_ATTEMPTS and now >= ended.astimezone(UTC) + LATE * 2 ** (len(own) - 1)
    )
