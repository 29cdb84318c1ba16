"""A bucket. Snapshot objects are written once and never changed or deleted.

Buckets offer different guarantees: versions, object lock, conditional writes. The store does not
rely on one guarantee alone. A write is conditional, its SHA-256 travels with it, and if there are
versions, the first version counts.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestration.errors import DynamicsError, Unavailable
from orchestration.object_store.client import get_client, has_object_lock, translate_errors

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectRequestTypeDef, PutObjectRequestTypeDef, WaiterConfigTypeDef

_MISSING_CODES = {
    "NoSuchKey",
    "NoSuchVersion",
    "MethodNotAllowed",  # the version is a delete marker
}
_EXISTS_CODES = {"PreconditionFailed", "ConditionalRequestConflict"}
_WAIT_UNTIL_WRITTEN: "WaiterConfigTypeDef" = {"Delay": 1, "MaxAttempts": 10}


class ObjectMissing(DynamicsError):
    """The bucket has no such object, or no such version of it."""


class ObjectDiffers(DynamicsError):
    """The bucket already has an object with this key and another content."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was written."""

    key: str
    sha256: str
    """The hash of the content, in hexadecimal digits."""
    size: int
    """The number of bytes."""
    version_id: str | None
    """None in a bucket without versions."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """A key in a list of the bucket, with its first version."""

    key: str
    version_id: str | None
    """The first version. None in a bucket without versions."""
    written_at: datetime
    """The time of the first version."""
    versions: int
    """The number of versions."""


class ObjectStore:
    """The objects of one bucket.

    `endpoint_url` None means Amazon. If the keys and the region are None, boto3 finds them. All
    methods raise Unavailable if the bucket does not answer in time, DynamicsError if it refuses
    the operation.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        region: str | None = None,
    ) -> None:
        self.bucket = bucket
        self.description = f"bucket {bucket} at {urlsplit(endpoint_url or '').hostname or 'Amazon S3'}"
        self._client_options = (endpoint_url, access_key, secret_key, region)

    @property
    def client(self) -> "S3Client":
        """The boto3 client."""
        return get_client(*self._client_options)

    def put_new(self, key: str, body: bytes, content_type: str) -> StoredObject:
        """Write an object that does not exist yet.

        A bucket with object lock also gets a legal hold: it has no end, so it lasts until a user
        with the permission removes it. An existing object with the same content counts as
        written. Raise ObjectDiffers if an object with another content exists.
        """
        from botocore.exceptions import ClientError

        digest = hashlib.sha256(body)
        request: PutObjectRequestTypeDef = {
            "Bucket": self.bucket,
            "Key": key,
            "Body": body,
            "ContentType": content_type,
            "ChecksumSHA256": b64encode(digest.digest()).decode(),
            "IfNoneMatch": "*",
        }
        with translate_errors(self.description):
            if has_object_lock(self.bucket, *self._client_options):
                request["ObjectLockLegalHoldStatus"] = "ON"
            try:
                version_id = self.client.put_object(**request).get("VersionId")
            except ClientError as error:
                if error.response["Error"]["Code"] not in _EXISTS_CODES:
                    raise
                # After a conflict, the other write of this key may not have ended yet.
                self.client.get_waiter("object_exists").wait(
                    Bucket=self.bucket, Key=key, WaiterConfig=_WAIT_UNTIL_WRITTEN
                )
                existing = self.client.get_object(Bucket=self.bucket, Key=key)
                if hashlib.sha256(existing["Body"].read()).digest() != digest.digest():
                    raise ObjectDiffers(
                        f"{key} already has another content in the bucket, which was not changed"
                    ) from None
                version_id = existing.get("VersionId")
        return StoredObject(key, digest.hexdigest(), len(body), _normalize_version(version_id))

    def get(self, key: str, version_id: str | None = None) -> bytes:
        """Return the content of an object: this version, or the newest. Raise ObjectMissing."""
        from botocore.exceptions import ClientError

        request: GetObjectRequestTypeDef = {"Bucket": self.bucket, "Key": key}
        if version_id:
            request["VersionId"] = version_id
        with translate_errors(self.description):
            try:
                return self.client.get_object(**request)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in _MISSING_CODES:
                    raise ObjectMissing(f"{key} is not in bucket {self.bucket}") from error
                raise

    def upload(self, path: Path, key: str) -> None:
        """Write a large file as an object, in parts. The object can be removed again."""
        # `upload_file` would wrap every error into one that does not tell its code.
        with translate_errors(self.description), path.open("rb") as file:
            self.client.upload_fileobj(file, self.bucket, key)

    def download(self, key: str, path: Path) -> None:
        """Write an object to the file `path`, in parts. Raise ObjectMissing."""
        from botocore.exceptions import ClientError

        with translate_errors(self.description):
            client = self.client
            # Only now: two threads that import parts of boto3 at the same time can fail.
            from boto3.exceptions import RetriesExceededError

            try:
                client.download_file(self.bucket, key, str(path))
            except ClientError as error:
                if error.response["Error"]["Code"] in _MISSING_CODES | {"404"}:
                    raise ObjectMissing(f"{key} is not in bucket {self.bucket}") from error
                raise
            except RetriesExceededError as error:
                raise Unavailable(f"{self.description} stops while it sends {key}: try again") from error

    def remove(self, key: str) -> None:
        """Remove an object that `upload` wrote."""
        with translate_errors(self.description):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """Yield every key that begins with `prefix`, in the order of the keys.

        A deleted key is included as long as the bucket has a version of it.
        """
        with translate_errors(self.description):
            pages = self.client.get_paginator("list_object_versions").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            versions = (version for page in pages for version in page.get("Versions", []))
            for key, newest_first in groupby(versions, key=itemgetter("Key")):
                *later, first = newest_first
                yield ListedObject(
                    key, _normalize_version(first["VersionId"]), first["LastModified"], len(later) + 1
                )


def _normalize_version(version_id: str | None) -> str | None:
    """Return None for `null`, the id of the only version in a bucket without versions."""
    return None if version_id == "null" else version_id
