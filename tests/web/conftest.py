"""A small report with hostile names in a real archive, and a browser's view of the pages over it."""

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest
from small_world import slow, small_world, templates  # noqa: F401 - fixtures for all modules
from starlette.testclient import TestClient

from orchestration import database as database_room
from orchestration import local
from orchestration.archive import Archive, ObjectStore
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Report
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit
from orchestration.web import create_app
from orchestration.web.sign_in import sessions

NOON = datetime(2018, 4, 2, 12, tzinfo=UTC)
HOSTILE = '<script>alert(1)</script>"&{{ 7*7 }}'


@pytest.fixture(scope="session")
def s3(home):
    """The S3 server as an administrator sees it."""
    place = local.bucket(home)
    return boto3.client(
        "s3",
        endpoint_url=place.endpoint_url,
        aws_access_key_id=place.access_key,
        aws_secret_access_key=place.secret_key,
        region_name=place.region,
    )


@pytest.fixture
def store(s3, home):
    """A fresh bucket without versions: what is written again is gone."""
    place, name = local.bucket(home), f"test-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    return ObjectStore(
        name,
        endpoint_url=place.endpoint_url,
        access_key=place.access_key,
        secret_key=place.secret_key,
        region=place.region,
    )


@pytest.fixture
def archive(store, database):
    return Archive(store, database, "https://reports.example.com")


@pytest.fixture
def open_archive(store, database_url):
    """Opens that archive and its database, as the pages do for each request."""

    @contextmanager
    def opened():
        with database_room.connect(database_url) as connection:
            yield Archive(store, connection, "https://reports.example.com"), connection

    return opened


@pytest.fixture
def browser(open_archive, browse):
    """A browser at the pages over that archive: the local admin's, until there is a user."""
    return browse(open_archive)


@pytest.fixture
def signed_in_as(open_archive, browse):
    """A browser where a user of that role is signed in, bound to a reseller if one is named."""

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
        browser = browse(open_archive)
        browser.cookies.set("dynamics-80", token)
        return browser

    return sign_in


@pytest.fixture
def browse():
    """A browser at the pages over whatever archive."""
    return lambda archive_factory: TestClient(
        create_app(archive_factory), "http://127.0.0.1", raise_server_exceptions=False
    )


@pytest.fixture
def hostile():
    """A name that attacks the page it is shown on."""
    return HOSTILE


@pytest.fixture
def report():
    """Two packages by month, a name that attacks, a number to recognise."""
    query = ReportQuery.model_validate(
        {
            "interval": {"from": "2018-02-01", "to": "2018-03-31"},
            "group_by": ["month", "package_name"],
            "client_tags": [HOSTILE],
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
            ("02/2018", "03/2018"), (Block(HOSTILE, cells), Block("Basic", cells)), by_package=True
        ),
        as_of=NOON,
        build_id=7,
        data_interval=None,
        computed_in=timedelta(milliseconds=12),
    )


@pytest.fixture
def kept(archive, report):
    """That report, kept under a title that attacks too."""
    return archive.keep(report, title=f"Звіт {HOSTILE}", generated_by="user olena", generated_at=NOON)
