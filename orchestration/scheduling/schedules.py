"""Schedules: saved queries that share cron and zone run together, a step each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from orchestration.connections import database
from orchestration.deliveries.catching_up import LATE
from orchestration.deliveries.freshness import data_until, waits_for
from orchestration.errors import DynamicsError
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import delivery_key, snapshot_key
from orchestration.scheduling.partitions import partition_key_of
from orchestration.scheduling.run_tags import ATTEMPT, SCHEDULE

_WORDS = str.maketrans({"*": "x", "/": "_per_", ",": "_and_", "-": "_to_", "#": "_nth_", " ": "_"})


def schedules_of(saved_queries: Iterable[SavedQuery]) -> list[dg.ScheduleDefinition]:
    """One schedule, running from the start, for each cron and zone that saved queries name."""
    together: dict[tuple[str, str], list[SavedQuery]] = defaultdict(list)
    for saved_query in saved_queries:
        if saved_query.delivery and saved_query.delivery.schedule:
            together[saved_query.delivery.schedule, saved_query.schedule_timezone].append(saved_query)
    return [_schedule(cron, timezone, group) for (cron, timezone), group in sorted(together.items())]


def schedule_name(cron: str, timezone: str) -> str:
    """`due_0_7_1_x_x_Europe_Kyiv` for `0 7 1 * *` in Europe/Kyiv.

    Named by when it fires and not by what it makes: Dagster keeps under the name whether it is on and when it last
    fired, which another saved query beside the others must not change.
    """
    zone = timezone.replace("+", "_plus_").replace("-", "_").replace("/", "_")
    return f"due_{cron.translate(_WORDS)}_{zone}"


def schedule_name_of(saved_query: SavedQuery) -> str:
    """The name of the schedule that a scheduled saved query belongs to."""
    cron = saved_query.delivery and saved_query.delivery.schedule
    return schedule_name(cron or "", saved_query.schedule_timezone)


def run_request(
    name: str, group: Sequence[SavedQuery], moment: datetime, tags: Mapping[str, str], number: str = ""
) -> dg.RunRequest:
    """A run of these saved queries, which share the schedule `name`, for one moment; `number` tells it from others of it."""
    key = partition_key_of(group[0], moment)
    return dg.RunRequest(
        run_key=f"{name} {key} {number}".rstrip(),
        partition_key=key,
        asset_selection=[key for each in group for key in (snapshot_key(each), delivery_key(each))],
        tags={SCHEDULE: name, **tags},
    )


def _schedule(cron: str, timezone: str, group: list[SavedQuery]) -> dg.ScheduleDefinition:
    name = schedule_name(cron, timezone)

    @dg.schedule(
        name=name,
        cron_schedule=cron,
        execution_timezone=timezone,
        target=dg.AssetSelection.assets(
            *(key(each) for each in group for key in (snapshot_key, delivery_key))
        ),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Makes and mails: {', '.join(saved_query.title for saved_query in group)}",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time
        if moment <= datetime.now(UTC) - LATE:
            return dg.SkipReason(f"{moment.isoformat()} was missed: the sensor `due` follows catch_up")
        ready, waiting = ready_at(group, moment)
        for remark in waiting:
            context.log.info(remark)
        if not ready:
            return dg.SkipReason("; ".join(waiting))
        return run_request(name, ready, moment, {ATTEMPT: "1"})

    return due


def ready_at(group: Sequence[SavedQuery], moment: datetime) -> tuple[list[SavedQuery], list[str]]:
    """Those whose data is there, and what the others wait for, a line each: the sensor `due` runs them later."""
    if not any(each.delivery and each.delivery.after for each in group):
        return list(group), []
    away, as_of = "", None
    try:
        with database() as connection:
            as_of = data_until(connection)
    except DynamicsError as error:
        away = str(error)
    waits = {each.name: waits_for(each, moment, as_of) for each in group}
    ready = [each for each in group if waits[each.name] is None]
    return ready, [away or waiting for waiting in waits.values() if waiting]
