"""Scheduled moments as Dagster partitions. The key of a partition is its instant."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.errors import RequestError
from orchestration.saved_queries.saved_query import SavedQuery

FIRST_PARTITION = datetime(2015, 1, 1, tzinfo=UTC)
"""Dagster has partitions from this instant on.

Dagster lists all partitions of an asset, so an early start makes its pages slow. The commands
`dynamics deliver` and `dynamics backfill` do not use partitions. They accept every moment from
`orchestration.saved_queries.cron.EARLIEST_MOMENT` on.
"""

_KEY_FORMAT = "%Y-%m-%dT%H:%M%z"
"""The format has the UTC offset, so that both passes of a repeated hour have different keys."""


@cache
def define_partitions(cron: str, timezone: str) -> dg.TimeWindowPartitionsDefinition:
    """Return one partition for each scheduled moment. A moment has its partition when it comes."""
    return dg.TimeWindowPartitionsDefinition(
        start=FIRST_PARTITION, cron_schedule=cron, timezone=timezone, fmt=_KEY_FORMAT, end_offset=1
    )


def define_query_partitions(saved_query: SavedQuery) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the partitions of a saved query, or None without a schedule."""
    if saved_query.delivery is None or saved_query.delivery.schedule is None:
        return None
    return define_partitions(saved_query.delivery.schedule, saved_query.schedule_timezone)


def format_partition_key(saved_query: SavedQuery, moment: datetime) -> str:
    """Return the partition key of a scheduled moment with a time zone.

    Raise RequestError for a moment before FIRST_PARTITION.
    """
    if moment < FIRST_PARTITION:
        raise RequestError(
            f"{moment.isoformat()} has no partition, because Dagster lists moments from "
            f"{FIRST_PARTITION:%Y-%m-%d} on: use `dynamics backfill {saved_query.name}` for earlier moments"
        )
    return moment.astimezone(ZoneInfo(saved_query.schedule_timezone)).strftime(_KEY_FORMAT)


def parse_partition_key(partition_key: str) -> datetime:
    """Return the scheduled moment of a partition key, in UTC."""
    return datetime.strptime(partition_key, _KEY_FORMAT).astimezone(UTC)
