"""The boto3 client of a bucket, and the translation of boto3's errors into one-line messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING

from orchestration.errors import DynamicsError, RequestError, Unavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_NO_OBJECT_LOCK_CODES = {"ObjectLockConfigurationNotFoundError", "NotImplemented"}

_creation_lock = Lock()
"""Threads that need the first client at the same time wait for it, so that they share one."""


def get_client(
    endpoint_url: str | None, access_key: str | None, secret_key: str | None, region: str | None
) -> "S3Client":
    """Return the client that all stores and threads with these options share.

    Raise RequestError for an invalid endpoint.
    """
    with _creation_lock:
        return _create_client(endpoint_url, access_key, secret_key, region)


@cache
def _create_client(
    endpoint_url: str | None, access_key: str | None, secret_key: str | None, region: str | None
) -> "S3Client":
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"total_max_attempts": 3, "mode": "standard"},
        # Servers other than Amazon's rarely answer at bucket.host.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        # Readers compare the content with their own hash, which is stricter.
        response_checksum_validation="when_required",
    )
    session = Session(access_key, secret_key, region_name=region)
    try:
        return session.client("s3", endpoint_url=endpoint_url, config=config)
    except ValueError as error:
        raise RequestError(
            "DYNAMICS_S3_ENDPOINT_URL is not a valid URL: write https://host or http://host:port"
        ) from error


@cache
def has_object_lock(bucket: str, *client_options: str | None) -> bool:
    """Return True if the bucket was created with object lock. The answer never changes."""
    from botocore.exceptions import ClientError

    try:
        answer = get_client(*client_options).get_object_lock_configuration(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NO_OBJECT_LOCK_CODES:
            return False
        raise
    return answer["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"


@contextmanager
def translate_errors(bucket: str) -> Iterator[None]:
    """Turn an error of boto3 into a one-line message that says what to check.

    `bucket` is the description of the bucket in the message. The message never contains a
    credential. Raise Unavailable if the bucket does not answer, DynamicsError if it refuses the
    operation, RequestError for an invalid name.
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
            raise DynamicsError(f"there is no {bucket}: create it, or check DYNAMICS_S3_BUCKET") from error
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise DynamicsError(
                f"{bucket} refuses {error.operation_name} ({code}): check the credentials that boto3 finds "
                "and their permissions"
            ) from error
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"{bucket} does not answer ({code}): try again later") from error
        raise DynamicsError(f"{bucket} rejects {error.operation_name} ({code})") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise DynamicsError(
            f"no credentials for {bucket}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        ) from error
    except ParamValidationError as error:
        raise RequestError(f"{bucket} has an invalid name: check DYNAMICS_S3_BUCKET") from error
    except BotoCoreError as error:
        raise Unavailable(
            f"{bucket} does not answer ({type(error).__name__}): check DYNAMICS_S3_ENDPOINT_URL and "
            "DYNAMICS_S3_BUCKET, or unset both to use the local bucket"
        ) from error
