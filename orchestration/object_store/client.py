"""How boto3 reaches a bucket, and what its errors mean in one line each."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING

from orchestration.errors import DynamicsError, RequestError, Unavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_NO_LOCK = {"ObjectLockConfigurationNotFoundError", "NotImplemented"}

_lock = Lock()
"""Threads that need the first client at once wait for it. Each would make its own otherwise."""


def client(
    endpoint_url: str | None, access_key: str | None, secret_key: str | None, region: str | None
) -> "S3Client":
    """Return the client for all stores and threads that reach the same server alike.

    Raises RequestError for an endpoint that is no URL.
    """
    with _lock:
        return _make_client(endpoint_url, access_key, secret_key, region)


@cache
def _make_client(
    endpoint_url: str | None, access_key: str | None, secret_key: str | None, region: str | None
) -> "S3Client":
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"total_max_attempts": 3, "mode": "standard"},
        # A server that is not Amazon's rarely answers at bucket.host.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        # Whoever reads compares with the hash that was kept, which is stricter than the bucket's own.
        response_checksum_validation="when_required",
    )
    session = Session(access_key, secret_key, region_name=region)
    try:
        return session.client("s3", endpoint_url=endpoint_url, config=config)
    except ValueError as error:
        raise RequestError(
            "DYNAMICS_S3_ENDPOINT_URL is no URL: write https://host or http://host:port"
        ) from error


@cache
def locks_objects(bucket: str, *reach: str | None) -> bool:
    """Whether the bucket, reached as `client` is told, was made with object lock: once asked, it stays so."""
    from botocore.exceptions import ClientError

    try:
        answer = client(*reach).get_object_lock_configuration(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NO_LOCK:
            return False
        raise
    return answer["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"


@contextmanager
def clear_errors(where: str) -> Iterator[None]:
    """Raises what boto3 raises about the bucket `where` as one line that says what to check.

    Unavailable when it does not answer, DynamicsError when it refuses; never with a credential in it.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        ParamValidationError,
        PartialCredentialsError,
    )

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code == "NoSuchBucket":
            raise DynamicsError(f"there is no {where}: create it, or check DYNAMICS_S3_BUCKET") from error
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise DynamicsError(
                f"{where} refuses {error.operation_name} ({code}): check the credentials that boto3 finds "
                "and what they may do"
            ) from error
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"{where} does not answer ({code}): try again later") from error
        raise DynamicsError(f"{where} rejects {error.operation_name} ({code})") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise DynamicsError(
            f"no credentials for {where}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        ) from error
    except ParamValidationError as error:
        raise RequestError(f"there can be no {where}: check DYNAMICS_S3_BUCKET") from error
    except BotoCoreError as error:
        raise Unavailable(
            f"{where} does not answer ({type(error).__name__}): check DYNAMICS_S3_ENDPOINT_URL and "
            "DYNAMICS_S3_BUCKET, or unset both to use the local one"
        ) from error
