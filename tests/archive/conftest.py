"""Real buckets of both kinds, and the report of the golden screenshot to keep in them."""

import csv
import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import boto3
import pytest

from orchestration import local
from orchestration.archive import Archive, ObjectStore
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Report
from orchestration.reporting.table import Block, ReportTable

GOLDEN = Path(__file__).parent.parent / "golden" / "expected.csv"
NOON = datetime(2019, 1, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def keys(home):
    """How to reach this worker's S3 server, as ObjectStore takes it."""
    place = local.bucket(home)
    return {
        "endpoint_url": place.endpoint_url,
        "access_key": place.access_key,
        "secret_key": place.secret_key,
        "region": place.region,
    }


@pytest.fixture(scope="session")
def s3(keys):
    """The server as an administrator sees it, past all our care."""
    return boto3.client(
        "s3",
        endpoint_url=keys["endpoint_url"],
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
        region_name=keys["region"],
    )


@pytest.fixture
def locked_store(s3, keys):
    """A fresh bucket with versions and object lock."""
    return _store(s3, keys, locked=True)


@pytest.fixture
def plain_store(s3, keys):
    """A fresh bucket with neither: what is written again is gone."""
    return _store(s3, keys, locked=False)


@pytest.fixture(params=["locked_store", "plain_store"])
def store(request):
    """Each kind of bucket in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def archive(locked_store, database):
    """An archive in the kind of bucket that is recommended."""
    return Archive(locked_store, database, "https://reports.example.com/")


@pytest.fixture
def any_archive(store, database):
    """An archive in each kind of bucket in turn."""
    return Archive(store, database, "https://reports.example.com/")


@pytest.fixture
def report():
    """The report of the screenshot, as the engine would hand it over."""
    with GOLDEN.open(encoding="utf-8-sig", newline="") as file:
        (_, _, *labels), *rows = csv.reader(file)
    query = ReportQuery.model_validate(
        {"interval": {"from": "2018-01-01", "to": "2018-12-31"}, "group_by": ["month"], "currency": "USD"}
    )
    return Report(
        query=query,
        interval=resolve_interval(query, NOON),
        table=ReportTable(
            tuple(labels), (Block(None, tuple(tuple(map(_cell, cells)) for _, _, *cells in rows)),)
        ),
        as_of=NOON,
        build_id=7,
        data_interval=(datetime(2018, 3, 1, 9, 30, tzinfo=UTC), datetime(2018, 3, 20, tzinfo=UTC)),
        computed_in=timedelta(milliseconds=12),
    )


@pytest.fixture
def told():
    """What `keep` is told beside the report."""
    return {"title": "Customer Dynamics 2018", "generated_by": "user olena", "generated_at": NOON}


def _store(s3, keys, *, locked):
    name = f"test-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
    return ObjectStore(name, **keys)


def _cell(text):
    if text == "N/A":
        return None
    return Decimal(text) if "." in text else int(text)
