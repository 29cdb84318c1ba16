"""A small report with hostile names in a real archive, and browsers at the pages over it."""

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest
from starlette.testclient import TestClient

from orchestration import local
from orchestration.accounts import sessions
from orchestration.archive import Archive
from orchestration.db.database import connect
from orchestration.object_store import ObjectStore
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Report
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit
from orchestration.snapshots import SnapshotDetails, archive_report
from orchestration.web.app import create_app

NOON = datetime(2018, 4, 2, 12, tzinfo=UTC)
HOSTILE_NAME = '<script>alert(1)</script>"&{{ 7*7 }}'


@pytest.fixture(scope="session")
def s3(home):
    """Return a client of the local S3 server."""
    server = local.bucket(home)
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
    )


@pytest.fixture
def store(s3, home):
    """Return a fresh bucket without versions: an overwritten object is gone."""
    server, name = local.bucket(home), f"test-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    return ObjectStore(
        name,
        endpoint_url=server.endpoint_url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
    )


@pytest.fixture
def archive(store, database):
    """Return an archive over the fresh bucket and database."""
    return Archive(store, database, "https://reports.example.com")


@pytest.fixture
def open_archive(store, database_url):
    """Return a function that opens that archive for one request."""

    @contextmanager
    def open_for_request():
        with connect(database_url) as connection:
            yield Archive(store, connection, "https://reports.example.com"), connection

    return open_for_request


@pytest.fixture
def open_browser():
    """Return a function that opens a browser at the pages over an archive."""
    return lambda open_archive: TestClient(
        create_app(open_archive), "http://127.0.0.1", raise_server_exceptions=False
    )


@pytest.fixture
def browser(open_archive, open_browser):
    """Return a browser at the pages over that archive. It is the local admin, without users."""
    return open_browser(open_archive)


@pytest.fixture
def sign_in_as(open_archive, open_browser):
    """Return a function that opens a browser for a user with a role, and optionally an owner."""

    def sign_in(role, owner_id=None):
        name = f"{role.name.lower()} of {owner_id or 'all'}"
        with open_archive() as (_, connection):
            connection.execute(
                """
                insert into dynamics.users (name, subject, role, owner_id) values (%s, %s, %s, %s)
                on conflict do nothing
                """,
                [name, name, role.name.lower(), owner_id],
            )
            token = sessions.begin(connection, name)
        browser = open_browser(open_archive)
        browser.cookies.set("dynamics-80", token)
        return browser

    return sign_in


@pytest.fixture
def hostile_name():
    """Return a name that attacks the page that shows it."""
    return HOSTILE_NAME


@pytest.fixture
def report():
    """Return a report of two packages by month, with a hostile package name."""
    query = ReportQuery.model_validate(
        {
            "interval": {"from": "2018-02-01", "to": "2018-03-31"},
            "group_by": ["month", "package_name"],
            "client_tags": [HOSTILE_NAME],
            "currency": "USD",
        }
    )
    cells = tuple(
        (1234, None) if metric.unit is Unit.QUANTITY else (Decimal("-98765.43"), None) for metric in METRICS
    )
    return Report(
        query=query,
        interval=resolve_interval(query, NOON),
        table=ReportTable(
            ("02/2018", "03/2018"),
            (Block(HOSTILE_NAME, cells), Block("Basic", cells)),
            by_package=True,
        ),
        as_of=NOON,
        build_id=7,
        data_interval=None,
        computed_in=timedelta(milliseconds=12),
    )


@pytest.fixture
def snapshot(archive, report):
    """Return a stored snapshot of that report, with a hostile title."""
    return archive_report(archive, report, SnapshotDetails(f"Звіт {HOSTILE_NAME}", "user olena", NOON))
