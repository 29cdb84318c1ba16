"""Scheduled moments as Dagster partitions, each named by its instant."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.saved_queries.saved_query import SavedQuery

FIRST_OCCURRENCE = datetime(2015, 1, 1, tzinfo=UTC)
"""Scheduled moments before this one have no partition: nobody's billing data is older."""

_KEY = "%Y-%m-%dT%H:%M%z"
"""With its offset, so that the two passes of a repeated hour have a key each."""


@cache
def occurrences_of(cron: str, timezone: str) -> dg.TimeWindowPartitionsDefinition:
    """A partition for each scheduled moment, named by its instant; the one that has just come is there at once."""
    return dg.TimeWindowPartitionsDefinition(
        start=FIRST_OCCURRENCE, cron_schedule=cron, timezone=timezone, fmt=_KEY, end_offset=1
    )


def partitions_of(saved_query: SavedQuery) -> dg.TimeWindowPartitionsDefinition | None:
    """The scheduled moments of a saved query as partitions; None for one without a schedule."""
    if saved_query.delivery is None or saved_query.delivery.schedule is None:
        return None
    return occurrences_of(saved_query.delivery.schedule, saved_query.schedule_timezone)


def partition_key_of(saved_query: SavedQuery, moment: datetime) -> str:
    """The partition of a scheduled moment (aware)."""
    return moment.astimezone(ZoneInfo(saved_query.schedule_timezone)).strftime(_KEY)


def moment_of(partition_key: str) -> datetime:
    """The scheduled moment that a partition is named by."""
    return datetime.strptime(partition_key, _KEY).astimezone(UTC)
