"""A pytest plugin with buckets on the local S3 server, some with versions and object lock."""

import secrets

import boto3
import pytest

from orchestration import local
from orchestration.object_store import ObjectStore


@pytest.fixture(scope="session")
def bucket_options(home):
    """Return the options with which ObjectStore reaches the S3 server of this worker."""
    bucket = local.bucket(home)
    return {
        "endpoint_url": bucket.endpoint_url,
        "access_key": bucket.access_key,
        "secret_key": bucket.secret_key,
        "region": bucket.region,
    }


@pytest.fixture(scope="session")
def s3(bucket_options):
    """Return a client of the server that can change everything."""
    return boto3.client(
        "s3",
        endpoint_url=bucket_options["endpoint_url"],
        aws_access_key_id=bucket_options["access_key"],
        aws_secret_access_key=bucket_options["secret_key"],
        region_name=bucket_options["region"],
    )


@pytest.fixture
def locked_store(s3, bucket_options):
    """Return a new bucket with versions and object lock."""
    return _create_store(s3, bucket_options, locked=True)


@pytest.fixture
def plain_store(s3, bucket_options):
    """Return a new bucket without versions and object lock: a second write replaces the first."""
    return _create_store(s3, bucket_options, locked=False)


@pytest.fixture(params=["locked_store", "plain_store"])
def store(request):
    """Return a bucket of each kind."""
    return request.getfixturevalue(request.param)


def _create_store(s3, bucket_options, *, locked):
    name = f"test-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
    return ObjectStore(name, **bucket_options)
