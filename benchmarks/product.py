"""The parts of the product that benchmarks call; no other module of the benchmarks needs to know where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestration import local
from orchestration.builds import build_marts
from orchestration.builds.store import current_build
from orchestration.connections import database, database_url, open_archive
from orchestration.database import connect
from orchestration.rendering import FORMATS, render, table_json
from orchestration.reporting.engine import make_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Provenance
from orchestration.reporting.table import METRICS, ReportTable
from orchestration.settings import PROJECT_ROOT, settings
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
    "build_marts",
    "connect",
    "current_build",
    "database",
    "database_url",
    "ensure_schema",
    "knows_closed_clients",
    "load",
    "load_and_build",
    "local",
    "make_report",
    "open_archive",
    "render",
    "settings",
    "table_json",
    "write_sample",
]


def knows_closed_clients() -> bool:
    """Return whether the source contract has the optional column `closed_at` of the clients."""
    return any(column.name == "closed_at" for table in TABLES for column in table.columns)


def load_and_build(connection: Connection[Any], extract: Path, state: Path, as_of: datetime) -> None:
    """Load the CSV files of an extract and build the marts. dbt keeps its state in the folder `state`."""
    ensure_schema(connection)
    load(connection, extract, as_of=as_of, base_currency="USD")
    build_marts(connection, state=state)
