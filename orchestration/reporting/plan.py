"""Which source answers a report: the daily marts where they are exact for it, the client events otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.builds.store import Build
    from orchestration.reporting.groups import Groups
    from orchestration.reporting.periods import Period
    from orchestration.reporting.resolve import Filters

Source = Literal["daily marts", "client events"]

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


def source_of(
    build: Build, client_type: str, filters: Filters, groups: Groups, known: Sequence[Period]
) -> Source:
    """Return the source of a report over its known periods.

    The daily marts have sums over all clients of a type at UTC midnights. They answer what asks for no
    less and for no other instants. The last period can end with the data, if nothing happened from
    then to midnight.
    """
    if filters.owner_ids or filters.client_tags or not groups.everyone:
        return "client events"
    instants = [at for period in known for at in (period.start, period.end)]
    if not all(map(_is_midnight, instants[:-1])):
        return "client events"
    if instants and not _is_midnight(instants[-1]) and not _is_quiet(build, client_type, instants[-1]):
        return "client events"
    return "daily marts"


def _is_midnight(instant: datetime) -> bool:
    return instant.astimezone(UTC).time() == time()


def _is_quiet(build: Build, client_type: str, instant: datetime) -> bool:
    """Return True if nothing happens to clients of the type from an instant to the next UTC midnight."""
    utc_date = instant.astimezone(UTC).date()
    asked = {
        "client_type": client_type,
        "utc_date": utc_date,
        "instant": instant,
        "midnight": datetime.combine(utc_date + timedelta(days=1), time(), UTC),
    }
    ((is_quiet,),) = build.rows_once(_IS_QUIET, asked)
    return bool(is_quiet)
