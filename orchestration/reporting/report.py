"""A computed report: its table, and the facts that the info panel shows."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestration.reporting.intervals import Interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.table import ReportTable


@dataclass(frozen=True, slots=True)
class Report:
    """A report as computed from one build."""

    query: ReportQuery
    """The parameters of the query, with the report currency filled in."""
    interval: Interval
    """The resolved interval."""
    table: ReportTable
    as_of: datetime
    """The instant up to which the data is known (definition: As of)."""
    build_id: int
    """The build that the report was computed from."""
    data_interval: tuple[datetime, datetime] | None
    """The first and last transaction used (definition: Data interval); None if there is none."""
    computed_in: timedelta
    owner_ids: tuple[str, ...] | None = None
    """The ids of the query's owners in order; None if the query does not filter by owner."""
    clients: bytes | None = field(default=None, repr=False)
    """The drill-down clients as a Parquet file (`drilldown`); None if it would be too large."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who requested a report, when, and where its snapshot opens."""

    title: str
    generated_by: str
    """The requester: `user NAME`, `schedule`, `backfill` and so on."""
    generated_at: datetime
    link: str
    """The address of the snapshot."""
    saved_query: str | None = None
    """The name of the saved query; None for a query without one."""
