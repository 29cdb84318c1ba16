"""Schedules: saved queries that share cron and zone run together, a step each."""

from collections import defaultdict
from collections.abc import Iterable

import dagster as dg

from orchestration.deliveries.assets import delivery_key, snapshot_key
from orchestration.deliveries.partitions import partition_key_of
from orchestration.deliveries.saved_query import SavedQuery

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


def _schedule(cron: str, timezone: str, group: list[SavedQuery]) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=schedule_name(cron, timezone),
        cron_schedule=cron,
        execution_timezone=timezone,
        target=dg.AssetSelection.assets(
            *(key(each) for each in group for key in (snapshot_key, delivery_key))
        ),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Makes and mails: {', '.join(saved_query.title for saved_query in group)}",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        key = partition_key_of(group[0], context.scheduled_execution_time)
        return dg.RunRequest(run_key=key, partition_key=key)

    return due
