"""The variables `query` and `periods`, which the statements in `sql/` read with `getvariable`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchestration.builds.store.duck import set_variables

if TYPE_CHECKING:
    from datetime import date, datetime

    from duckdb import DuckDBPyConnection

    from orchestration.domain import ClientType


@dataclass(frozen=True, slots=True)
class QueryParameters:
    """The variable `query`: which clients a report is about."""

    client_type: ClientType
    owner_ids: list[str] | None
    """Direct owners of the clients; None for no filter."""
    client_tags: list[str] | None
    """Tags of which a client has at least one; None for no filter."""
    is_whole_scope: bool
    """True if the report has no groups of packages."""
    no_package_group: int | None
    """The number of the group `No package`; None if there is no such group."""


@dataclass(frozen=True, slots=True)
class PeriodParameters:
    """The variable `periods`: the known periods, numbered from 1. Slots: see `period_slots`."""

    count: int
    first_start: datetime
    first_end: datetime
    last_end: datetime
    last_date: date
    """The UTC date of the last microsecond of the last period."""
    first_active_since: datetime
    """The start of the first period minus the active duration."""
    last_active_since: datetime
    """The start of the last period minus the active duration."""
    first_end_slot: int
    last_end_slot: int
    first_active_slot: int
    last_active_slot: int


def set_parameters(
    cursor: DuckDBPyConnection, query: QueryParameters, periods: PeriodParameters | None
) -> None:
    """Set the variables of a cursor. Without known periods, only `query` is set."""
    set_variables(cursor, query=asdict(query))
    if periods:
        set_variables(cursor, periods=asdict(periods))
