"""The local bucket answers only its own keys, and never loses an acknowledged object."""

import os
import signal
import socket
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from orchestration import local
from orchestration.local.daemon import Daemon


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """Return a home with services that these tests may kill."""
    home = tmp_path_factory.mktemp("own")
    yield home
    local.stop(home)


def client(bucket, **changed):
    keys = {"aws_access_key_id": bucket.access_key, "aws_secret_access_key": bucket.secret_key, **changed}
    return boto3.client("s3", endpoint_url=bucket.endpoint_url, region_name=bucket.region, **keys)


def put(bucket, key, body):
    return client(bucket).put_object(Bucket=bucket.name, Key=key, Body=body, IfNoneMatch="*")["VersionId"]


def get(bucket, key, version):
    return client(bucket).get_object(Bucket=bucket.name, Key=key, VersionId=version)["Body"].read()


def test_the_bucket_has_versions_and_locks_and_takes_any_key(own_home):
    bucket = local.bucket(own_home)
    assert get(bucket, "zvit & ü/+ %41", put(bucket, "zvit & ü/+ %41", b"whole")) == b"whole"
    assert client(bucket).get_bucket_versioning(Bucket=bucket.name)["Status"] == "Enabled"
    lock = client(bucket).get_object_lock_configuration(Bucket=bucket.name)
    assert lock["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_a_second_call_finds_the_bucket_and_its_secret_is_hidden(own_home):
    bucket, server = local.bucket(own_home), Daemon(own_home, "s3").pid()
    assert local.bucket(own_home) == bucket
    assert Daemon(own_home, "s3").pid() == server
    assert bucket.secret_key not in repr(bucket)
    assert (own_home / "s3.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("changed", [{"aws_secret_access_key": "guess"}, {"aws_access_key_id": "somebody"}])
def test_other_keys_are_refused(own_home, changed):
    bucket = local.bucket(own_home)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(bucket, **changed).list_objects_v2(Bucket=bucket.name)


@pytest.mark.parametrize("path", ["/_ministack/reset", "/dynamics/stored", "/dynamics?X-Amz-Signature="])
def test_a_web_page_cannot_reset_or_write_the_bucket(own_home, path):
    bucket = local.bucket(own_home)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(bucket.endpoint_url + path, data=b"x", method="POST"))


def test_objects_survive_a_stop(own_home):
    bucket = local.bucket(own_home)
    version = put(bucket, "stopped", b"stored")
    assert local.stop(own_home) == ["s3"]
    assert local.bucket(own_home) == bucket
    assert get(bucket, "stopped", version) == b"stored"


def test_only_acknowledged_objects_survive_a_kill(own_home):
    bucket = local.bucket(own_home)
    version = put(bucket, "folder/killed", b"stored")
    os.kill(Daemon(own_home, "s3").pid(), signal.SIGKILL)
    (stored,) = (own_home / "s3").rglob("killed")
    stored.with_name("half").write_bytes(b"half of an object")
    bucket = local.bucket(own_home)
    assert get(bucket, "folder/killed", version) == b"stored"
    listed = client(bucket).list_objects_v2(Bucket=bucket.name, Prefix="folder/")["Contents"]
    assert [item["Key"] for item in listed] == ["folder/killed"]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(bucket, "folder/killed", b"other")
    assert client(bucket).get_bucket_versioning(Bucket=bucket.name)["Status"] == "Enabled"


def test_two_homes_have_two_buckets(own_home, tmp_path):
    bucket = local.bucket(own_home)
    put(bucket, "mine", b"")
    try:
        other = local.bucket(tmp_path / "other")
        assert other.endpoint_url != bucket.endpoint_url
        assert "Contents" not in client(other).list_objects_v2(Bucket=other.name)
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            client(bucket, aws_secret_access_key=other.secret_key).list_objects_v2(Bucket=bucket.name)
    finally:
        local.stop(tmp_path / "other")


def test_a_locked_object_is_still_locked_after_a_kill(own_home):
    bucket = local.bucket(own_home)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    held = client(bucket).put_object(Bucket=bucket.name, Key="held", Body=b"", ObjectLockLegalHoldStatus="ON")
    retained = client(bucket).put_object(
        Bucket=bucket.name,
        Key="retained",
        Body=b"",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=tomorrow,
    )
    os.kill(Daemon(own_home, "s3").pid(), signal.SIGKILL)
    bucket = local.bucket(own_home)
    for key, version in (("held", held["VersionId"]), ("retained", retained["VersionId"])):
        with pytest.raises(ClientError, match="AccessDenied"):
            client(bucket).delete_object(Bucket=bucket.name, Key=key, VersionId=version)
    assert client(bucket).get_object_legal_hold(Bucket=bucket.name, Key="held")["LegalHold"]["Status"] == "ON"


def test_an_incomplete_upload_is_not_an_object(own_home):
    bucket = local.bucket(own_home)
    address = urlsplit(bucket.endpoint_url)
    request = AWSRequest("PUT", f"{bucket.endpoint_url}/{bucket.name}/half", data=b"whole")
    S3SigV4Auth(Credentials(bucket.access_key, bucket.secret_key), "s3", bucket.region).add_auth(request)
    with socket.create_connection((address.hostname, address.port)) as sender:
        head = [f"PUT /{bucket.name}/half HTTP/1.1", f"Host: {address.netloc}", "Content-Length: 5"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        sender.sendall("\r\n".join([*head, "", "wh"]).encode())

    put(bucket, "after it", b"")
    with pytest.raises(ClientError, match="404"):
        client(bucket).head_object(Bucket=bucket.name, Key="half")
    assert put(bucket, "half", b"whole")
