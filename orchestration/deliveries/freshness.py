"""Data freshness: whether the marts cover the interval of a scheduled report.

The data is needed until the end of the interval, or until the scheduled moment if that is earlier.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.saved_query import SavedQuery


def load_as_of(connection: Connection[TupleRow]) -> datetime | None:
    """Return the instant up to which the current build knows the data (definition: As of).

    Return None if there is no build.
    """
    row = connection.execute("select as_of from dynamics.current_build").fetchone()
    return row[0] if row else None


def find_reason_to_wait(saved_query: SavedQuery, moment: datetime, as_of: datetime | None) -> str | None:
    """Return what the report of a scheduled moment waits for, in one line, or None.

    A report waits only with `after: fresh`. `as_of` is the result of `load_as_of`.
    """
    if saved_query.delivery is None or saved_query.delivery.after is None:
        return None
    needed = _needed_until(saved_query.query, moment)
    if as_of is not None and as_of >= needed:
        return None
    zone = ZoneInfo(saved_query.schedule_timezone)
    available = f"it reaches {_format_instant(as_of, zone)}" if as_of else "there is no build yet"
    return f"{saved_query.name} waits for data until {_format_instant(needed, zone)}: {available}"


def describe_stale_data(saved_query: SavedQuery, moment: datetime, as_of: datetime) -> str | None:
    """Return the note for the mail of a report that was sent with stale data, or None."""
    if find_reason_to_wait(saved_query, moment, as_of) is None:
        return None
    zone = saved_query.query.zone
    needed = _needed_until(saved_query.query, moment)
    return (
        f"Not complete: the data reaches {_format_instant(as_of, zone)}; "
        f"the report needs it until {_format_instant(needed, zone)}."
    )


def _needed_until(query: ReportQuery, moment: datetime) -> datetime:
    return min(resolve_interval(query, moment).end.instant, moment)


def _format_instant(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(" ", "seconds")
