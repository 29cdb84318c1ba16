"""The rights in the bucket that docs/how-to/bucket.md lists are exactly those that are used.

The local S3 server knows no rights. A hook of boto3 stands in for them: it refuses each request
that needs a right outside the list, before the request is sent.
"""

import re
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cli_harness import GOLDEN, GOLDEN_QUERY, CliHarness

from orchestration.object_store.client import get_client
from orchestration.resources import PROJECT_ROOT
from orchestration.settings import settings

GUIDE = (PROJECT_ROOT / "docs/how-to/bucket.md").read_text(encoding="utf-8")
DOCUMENTED = set(re.findall(r"`(s3:\w+)`", GUIDE))

RIGHTS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectVersions": "s3:ListBucketVersions",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
}
"""The right that each operation needs. An unknown operation fails the test."""


def list_rights(operation, parameters):
    """Yield the rights that Amazon S3 asks for."""
    if operation == "GetObject" and "VersionId" in parameters:
        yield "s3:GetObjectVersion"
    else:
        yield RIGHTS[operation]
    if parameters.get("ObjectLockLegalHoldStatus"):
        yield "s3:PutObjectLegalHold"


@contextmanager
def limit_rights(client, granted):
    """Refuse requests of the client that need other rights. Yield the set of used rights."""
    used = set()

    def check(params, model, **_):
        needed = set(list_rights(model.name, params))
        used.update(needed)
        if not needed <= granted:
            answer: Any = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(answer, model.name)

    client.meta.events.register("before-parameter-build.s3", check)
    try:
        yield used
    finally:
        client.meta.events.unregister("before-parameter-build.s3", check)


@pytest.fixture
def cli(monkeypatch, home, database_url, tmp_path):
    """Return the command line with an empty database and a bucket of its own for all files."""
    cli = CliHarness(monkeypatch, home, database_url, tmp_path)
    cli.set(home=str(tmp_path / "home"))  # its report store, so that no other test uses its files
    yield cli
    settings.cache_clear()


@pytest.fixture
def product_client(bucket_options):
    """Return the client that the product uses for the bucket."""
    return get_client(bucket_options["endpoint_url"], None, None, None)


def run_main_job(cli):
    """Run every command that uses the bucket."""
    assert cli("load", GOLDEN / "source").code == 0
    assert cli("build").code == 0
    snapshot = cli("query", *GOLDEN_QUERY)
    assert snapshot.code == 0
    for amount in range(3):
        cli.execute("update billing.transactions set amount = %s where transaction_id = 't2'", amount)
        assert cli("build").code == 0
    for file in (cli.folder / "home").rglob("*.duckdb"):
        file.unlink()
    assert cli("query", *GOLDEN_QUERY).code == 0
    assert cli("snapshots", "verify").code == 0
    assert cli("snapshots", "reindex").code == 0


def test_used_rights_are_the_documented_ones(cli, product_client):
    with limit_rights(product_client, DOCUMENTED) as used:
        run_main_job(cli)
    # Without s3:ListBucket, Amazon calls a missing object forbidden. Only a failed upload is
    # aborted.
    assert DOCUMENTED - used == {"s3:ListBucket", "s3:AbortMultipartUpload"}


@pytest.mark.parametrize(
    ("right", "command"),
    [
        ("s3:PutObject", ["build"]),
        ("s3:PutObject", ["query", *GOLDEN_QUERY]),
        ("s3:GetObjectVersion", ["snapshots", "verify"]),
        ("s3:ListBucketVersions", ["snapshots", "reindex"]),
    ],
)
def test_a_missing_right_is_reported_in_one_line(cli, product_client, right, command):
    for words in (["load", GOLDEN / "source"], ["build"], ["query", *GOLDEN_QUERY]):
        assert cli(*words).code == 0
    cli.execute("update billing.transactions set amount = 1 where transaction_id = 't2'")
    with limit_rights(product_client, DOCUMENTED - {right}):
        assert "(AccessDenied): check the credentials" in cli(*command).line()
