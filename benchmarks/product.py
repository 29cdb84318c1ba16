"""The functions of the product that most benchmarks call, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration import local
from orchestration.builds import build_marts
from orchestration.builds.store import current_build
from orchestration.connections import database, database_url, open_archive
from orchestration.db.database import connect
from orchestration.rendering import FORMATS, render, render_table_json
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Provenance
from orchestration.reporting.table import METRICS, ReportTable
from orchestration.resources import PROJECT_ROOT
from orchestration.settings import settings
from orchestration.snapshots import SnapshotDetails, archive_report
from orchestration.source import ensure_schema, load, write_sample
from orchestration.source.contract import TABLES

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from psycopg import Connection

__all__ = [
    "FORMATS",
    "METRICS",
    "PROJECT_ROOT",
    "Provenance",
    "ReportQuery",
    "ReportTable",
    "SnapshotDetails",
    "archive_report",
    "build_marts",
    "compute_report",
    "connect",
    "current_build",
    "database",
    "database_url",
    "ensure_schema",
    "has_closed_clients",
    "load",
    "load_and_build",
    "local",
    "open_archive",
    "render",
    "render_table_json",
    "settings",
    "write_sample",
]


def has_closed_clients() -> bool:
    """Return True if the source contract has the optional column `closed_at` of the clients."""
    return any(column.name == "closed_at" for table in TABLES for column in table.columns)


def load_and_build(connection: Connection[Any], extract: Path, state: Path, as_of: datetime) -> None:
    """Load an extract and build the marts. dbt keeps its state in the folder `state`."""
    ensure_schema(connection)
    load(connection, extract, as_of=as_of, base_currency="USD")
    build_marts(connection, state=state)
