"""A computed report: its table and what the info panel tells of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestration.reporting.intervals import Interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.table import ReportTable

Progress = Callable[[str, int, int], None]
"""Is told what is done, how many rows of it are, and how many there are (0: not known)."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as the marts gave it at one moment."""

    query: ReportQuery
    """The parameters as asked, with the currency filled in."""
    interval: Interval
    """The interval as resolved: its two instants in the query's zone."""
    table: ReportTable
    as_of: datetime
    """Up to when the data is known (spec 3)."""
    build_id: int
    """The build of the marts that answered."""
    data_interval: tuple[datetime, datetime] | None
    """First and last instant of the transactions used that lie in the interval; None means no data."""
    computed_in: timedelta
    owner_ids: tuple[str, ...] | None = None
    """The resellers that the query's owners stand for, in the order of their ids; None: it named none."""
    clients: bytes | None = field(default=None, repr=False)
    """The clients behind the cells (`clients.clients_of_cell`), as Parquet; None: they are too many to keep."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who asked for a report, when, and under which name it is kept."""

    title: str
    generated_by: str
    """`user NAME`, `schedule`, `backfill`, …"""
    generated_at: datetime
    link: str
    """Where the snapshot opens."""
    saved_query: str | None = None
