"""Schedules: saved queries that share cron and zone run together, a step each."""

from collections import defaultdict
from collections.abc import Iterable

import dagster as dg

from orchestration.deliveries.assets import assets_of, partition_key_of
from orchestration.deliveries.saved_query import SavedQuery


def schedules_of(saved_queries: Iterable[SavedQuery]) -> list[dg.ScheduleDefinition]:
    """One schedule, running from the start, for each cron and zone that saved queries name."""
    together: dict[tuple[str, str], list[SavedQuery]] = defaultdict(list)
    for saved_query in saved_queries:
        if saved_query.delivery and saved_query.delivery.schedule:
            together[saved_query.delivery.schedule, saved_query.schedule_timezone].append(saved_query)
    return [_schedule(cron, timezone, group) for (cron, timezone), group in sorted(together.items())]


def _schedule(cron: str, timezone: str, group: list[SavedQuery]) -> dg.ScheduleDefinition:
    name = "_".join(saved_query.identifier for saved_query in group)[:80]
    keys = [key for saved_query in group for asset in assets_of(saved_query) for key in asset.keys]

    @dg.schedule(
        name=f"{name}_schedule",
        cron_schedule=cron,
        execution_timezone=timezone,
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reports and mails of {', '.join(saved_query.title for saved_query in group)}",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        key = partition_key_of(group[0], context.scheduled_execution_time)
        return dg.RunRequest(run_key=key, partition_key=key)

    return due
