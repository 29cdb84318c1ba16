"""An archive in a bucket of each kind, and the report of the golden screenshot to store in it."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.archive import Archive
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Report
from orchestration.reporting.table import Block, ReportTable
from orchestration.snapshots import SnapshotDetails, archive_report

GOLDEN = Path(__file__).parent.parent / "golden" / "expected.csv"
NOON = datetime(2019, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def archive(locked_store, database):
    """Return an archive in a bucket with versions and object lock."""
    return Archive(locked_store, database, "https://reports.example.com/")


@pytest.fixture
def any_archive(store, database):
    """Return an archive in a bucket of each kind."""
    return Archive(store, database, "https://reports.example.com/")


@pytest.fixture
def report():
    """Return the report of the golden screenshot."""
    with GOLDEN.open(encoding="utf-8-sig", newline="") as file:
        (_, _, *labels), *rows = csv.reader(file)
    query = ReportQuery.model_validate(
        {"interval": {"from": "2018-01-01", "to": "2018-12-31"}, "group_by": ["month"], "currency": "USD"}
    )
    return Report(
        query=query,
        interval=resolve_interval(query, NOON),
        table=ReportTable(
            tuple(labels), (Block(None, tuple(tuple(map(_parse_cell, cells)) for _, _, *cells in rows)),)
        ),
        as_of=NOON,
        build_id=7,
        data_interval=(datetime(2018, 3, 1, 9, 30, tzinfo=UTC), datetime(2018, 3, 20, tzinfo=UTC)),
        computed_in=timedelta(milliseconds=12),
    )


@pytest.fixture
def details():
    """Return the details of a snapshot of that report."""
    return SnapshotDetails("Customer Dynamics 2018", "user olena", NOON)


@pytest.fixture
def store_report(report, details):
    """Return a function that stores the report in an archive. Options change its details."""

    def store_report(archive, report=report, progress=None, **changes):
        return archive_report(archive, report, replace(details, **changes), progress)

    return store_report


@pytest.fixture
def snapshot(archive, store_report):
    """Return a stored snapshot of the report."""
    return store_report(archive)


def _parse_cell(text):
    if text == "N/A":
        return None
    return Decimal(text) if "." in text else int(text)
