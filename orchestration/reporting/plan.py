"""Which source answers a report: the daily marts where they are exact for it, the client events otherwise."""

from __future__ import annotations

from datetime import UTC, time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from orchestration.reporting.groups import Groups
    from orchestration.reporting.periods import Period
    from orchestration.reporting.resolve import Filters

Source = Literal["daily marts", "client events"]


def source_of(filters: Filters, groups: Groups, known: Sequence[Period]) -> Source:
    """Return the source of a report over its known periods.

    The daily marts have sums over all clients of a type at UTC midnights. They answer what asks for no
    less and for no other instants.
    """
    has_filter = filters.owner_ids or filters.client_tags or not groups.everyone
    if has_filter or not all(_is_midnight(at) for period in known for at in (period.start, period.end)):
        return "client events"
    return "daily marts"


def _is_midnight(instant: datetime) -> bool:
    return instant.astimezone(UTC).time() == time()
