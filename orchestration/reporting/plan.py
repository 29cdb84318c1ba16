"""The query plan: which tables of the report store answer a report."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.builds.store import Build
    from orchestration.domain import ClientType
    from orchestration.reporting.groups import Groups
    from orchestration.reporting.name_lookup import ResolvedFilters
    from orchestration.reporting.periods import Period


class Source(Enum):
    """The tables that a report is computed from."""

    DAILY_MARTS = "daily marts"
    """Sums over all clients of a type at the end of each UTC day, and the states that can lapse."""
    CLIENT_EVENTS = "client events"
    """Every event of every client, with the client's state after it. Exact for every report."""


_IS_QUIET = """
    select
        not exists (
            from daily_spans
            where client_type = $client_type and utc_date = $utc_date and last_at >= $instant
        )
        and not exists (
            from clients
            where client_type = $client_type and created_at >= $instant and created_at < $midnight
        )
"""


def choose_source(
    build: Build,
    client_type: ClientType,
    filters: ResolvedFilters,
    groups: Groups,
    known_periods: Sequence[Period],
) -> Source:
    """Return the fastest source that is exact for a report.

    The daily marts are exact for all clients of a type in periods that start and end at UTC
    midnights. The last period can end within a day, at the end of the data, if nothing happens
    between that instant and midnight.
    """
    if filters.owner_ids or filters.client_tags or not groups.is_whole_scope:
        return Source.CLIENT_EVENTS
    boundaries = [instant for period in known_periods for instant in (period.start, period.end)]
    if not all(map(_is_utc_midnight, boundaries[:-1])):
        return Source.CLIENT_EVENTS
    if (
        boundaries
        and not _is_utc_midnight(boundaries[-1])
        and not _is_quiet(build, client_type, boundaries[-1])
    ):
        return Source.CLIENT_EVENTS
    return Source.DAILY_MARTS


def _is_utc_midnight(instant: datetime) -> bool:
    return instant.astimezone(UTC).time() == time()


def _is_quiet(build: Build, client_type: ClientType, instant: datetime) -> bool:
    """Return True if nothing happens to clients of the type until the next UTC midnight."""
    utc_date = instant.astimezone(UTC).date()
    parameters = {
        "client_type": client_type,
        "utc_date": utc_date,
        "instant": instant,
        "midnight": datetime.combine(utc_date + timedelta(days=1), time(), UTC),
    }
    ((is_quiet,),) = build.cached_rows(_IS_QUIET, parameters)
    return bool(is_quiet)
