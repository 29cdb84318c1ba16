"""Whether the data is ready for a report: the marts reach the end of its interval, or its moment if that is earlier."""

from datetime import datetime
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.saved_query import SavedQuery


def data_until(connection: Connection[TupleRow]) -> datetime | None:
    """Up to when the data of the current build is known (spec 3); None when nothing was ever built."""
    row = connection.execute(
        "select as_of from dynamics.builds where finished_at is not null order by build_id desc limit 1"
    ).fetchone()
    return row[0] if row else None


def waits_for(saved_query: SavedQuery, moment: datetime, as_of: datetime | None) -> str | None:
    """What the report of a scheduled moment (aware) waits for, in one line; None when it need not wait.

    Nothing waits without `after: fresh`. `as_of` is what `data_until` says.
    """
    if saved_query.delivery is None or saved_query.delivery.after is None:
        return None
    needed = _needed_until(saved_query.query, moment)
    if as_of is not None and as_of >= needed:
        return None
    zone = ZoneInfo(saved_query.schedule_timezone)
    reached = f"it reaches {_shown(as_of, zone)}" if as_of else "nothing was built yet"
    return f"{saved_query.name} waits for data until {_shown(needed, zone)}: {reached}"


def stale_line(saved_query: SavedQuery, moment: datetime, as_of: datetime) -> str | None:
    """What the mail of a report says when it was not to wait any longer; None for one whose data is complete."""
    if waits_for(saved_query, moment, as_of) is None:
        return None
    zone = saved_query.query.zone
    needed = _needed_until(saved_query.query, moment)
    return (
        f"Not complete: data until {_shown(as_of, zone)}; the report needs it until {_shown(needed, zone)}."
    )


def _needed_until(query: ReportQuery, moment: datetime) -> datetime:
    """An interval that goes on after the moment is complete when the data reaches the moment."""
    return min(resolve_interval(query, moment).end.at, moment)


def _shown(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(" ", "seconds")
