"""Schedules: saved queries with the same cron and time zone share a schedule and its runs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from orchestration.connections import database
from orchestration.deliveries.catch_up import MISSED_AFTER
from orchestration.deliveries.freshness import find_reason_to_wait, load_as_of
from orchestration.errors import DynamicsError
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import build_snapshot_key, delivery_key
from orchestration.scheduling.partitions import format_partition_key
from orchestration.scheduling.run_tags import ATTEMPT, SCHEDULE

_SIGN_NAMES = str.maketrans({"*": "x", "/": "_per_", ",": "_and_", "-": "_to_", "#": "_nth_", " ": "_"})


def build_schedules(saved_queries: Iterable[SavedQuery]) -> list[dg.ScheduleDefinition]:
    """Return one schedule for each pair of cron and time zone. Schedules are on by default."""
    groups: dict[tuple[str, str], list[SavedQuery]] = defaultdict(list)
    for saved_query in saved_queries:
        if saved_query.delivery and saved_query.delivery.schedule:
            groups[saved_query.delivery.schedule, saved_query.schedule_timezone].append(saved_query)
    return [_build_schedule(cron, timezone, group) for (cron, timezone), group in sorted(groups.items())]


def build_schedule_name(cron: str, timezone: str) -> str:
    """Return the schedule name, such as `due_0_7_1_x_x_Europe_Kyiv` for `0 7 1 * *` in Europe/Kyiv.

    The name depends only on the cron and the time zone. Dagster stores under this name whether the
    schedule is on and when it last fired, so another saved query must not change the name.
    """
    zone = timezone.replace("+", "_plus_").replace("-", "_").replace("/", "_")
    return f"due_{cron.translate(_SIGN_NAMES)}_{zone}"


def find_schedule_name(saved_query: SavedQuery) -> str:
    """Return the name of the schedule of a scheduled saved query."""
    cron = saved_query.delivery and saved_query.delivery.schedule
    return build_schedule_name(cron or "", saved_query.schedule_timezone)


def build_run_request(
    name: str, group: Sequence[SavedQuery], moment: datetime, tags: Mapping[str, str], suffix: str = ""
) -> dg.RunRequest:
    """Return a run request for saved queries that share the schedule `name`, for one moment.

    `suffix` makes the run key different from other runs of the same moment.
    """
    key = format_partition_key(group[0], moment)
    return dg.RunRequest(
        run_key=f"{name} {key} {suffix}".rstrip(),
        partition_key=key,
        asset_selection=_asset_keys(group),
        tags={SCHEDULE: name, **tags},
    )


def _asset_keys(group: Sequence[SavedQuery]) -> list[dg.AssetKey]:
    return [key_of(saved_query) for saved_query in group for key_of in (build_snapshot_key, delivery_key)]


def _build_schedule(cron: str, timezone: str, group: list[SavedQuery]) -> dg.ScheduleDefinition:
    name = build_schedule_name(cron, timezone)

    @dg.schedule(
        name=name,
        cron_schedule=cron,
        execution_timezone=timezone,
        target=dg.AssetSelection.assets(*_asset_keys(group)),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Computes and mails: {', '.join(saved_query.title for saved_query in group)}",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time
        if moment <= datetime.now(UTC) - MISSED_AFTER:
            return dg.SkipReason(f"{moment.isoformat()} was missed: the sensor `due` applies catch_up")
        ready, waiting = split_by_readiness(group, moment)
        for remark in waiting:
            context.log.info(remark)
        if not ready:
            return dg.SkipReason("; ".join(waiting))
        return build_run_request(name, ready, moment, {ATTEMPT: "1"})

    return due


def split_by_readiness(group: Sequence[SavedQuery], moment: datetime) -> tuple[list[SavedQuery], list[str]]:
    """Return the saved queries whose data is ready, and what each of the others waits for.

    The sensor `due` runs the others later.
    """
    if not any(saved_query.delivery and saved_query.delivery.after for saved_query in group):
        return list(group), []
    database_problem, as_of = "", None
    try:
        with database() as connection:
            as_of = load_as_of(connection)
    except DynamicsError as error:
        database_problem = str(error)
    reasons = {saved_query.name: find_reason_to_wait(saved_query, moment, as_of) for saved_query in group}
    ready = [saved_query for saved_query in group if reasons[saved_query.name] is None]
    return ready, [database_problem or reason for reason in reasons.values() if reason]
