"""One bucket whose objects are written once and never changed or deleted.

Buckets differ in what they promise (versions, object lock, conditional writes), so nothing rests on a promise
alone: a write is conditional, its SHA-256 travels with it, and where there are versions the *first* one counts.
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

from orchestration.errors import DynamicsError
from orchestration.object_store.client import clear_errors, client, locks_objects

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectRequestTypeDef, PutObjectRequestTypeDef, WaiterConfigTypeDef

# The last one: that version is a delete marker.
_NO_OBJECT = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed"}
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}
_PATIENCE: "WaiterConfigTypeDef" = {"Delay": 1, "MaxAttempts": 10}


class ObjectMissing(DynamicsError):
    """The bucket has no such object, or no such version of it."""


class ObjectDiffers(DynamicsError):
    """Another content is stored under the key already."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was written: its key, content hash (hex), size in bytes, and version where there are versions."""

    key: str
    sha256: str
    size: int
    version_id: str | None


@dataclass(frozen=True, slots=True)
class ListedObject:
    """What a listing tells of a key: its first version, when that was written, how many versions there are."""

    key: str
    version_id: str | None
    written_at: datetime
    versions: int


class ObjectStore:
    """The objects of one bucket.

    `endpoint_url` None means Amazon; keys and region None mean that boto3 finds them itself. All methods raise
    Unavailable when the bucket does not answer in time, DynamicsError when it refuses.
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
        self._reach = (endpoint_url, access_key, secret_key, region)
        self.where = f"bucket {bucket} at {urlsplit(endpoint_url or '').hostname or 'Amazon S3'}"

    @property
    def _client(self) -> "S3Client":
        return client(*self._reach)

    def put_new(self, key: str, body: bytes, content_type: str) -> StoredObject:
        """Writes an object that does not exist yet; where the bucket can lock objects, with a legal hold.

        A hold has no end to choose: it lasts until somebody with the right to do so lifts it. An object that is
        there already with the same content is as good as written. Raises ObjectDiffers when it has another.
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
        with clear_errors(self.where):
            if self._locks:
                request["ObjectLockLegalHoldStatus"] = "ON"
            try:
                version_id = self._client.put_object(**request).get("VersionId")
            except ClientError as error:
                if error.response["Error"]["Code"] not in _TAKEN:
                    raise
                # A conflict tells of another write of this key that has not ended yet.
                self._client.get_waiter("object_exists").wait(
                    Bucket=self.bucket, Key=key, WaiterConfig=_PATIENCE
                )
                there = self._client.get_object(Bucket=self.bucket, Key=key)
                if hashlib.sha256(there["Body"].read()).digest() != digest.digest():
                    raise ObjectDiffers(
                        f"{key} is stored already with another content, which was left as it is"
                    ) from None
                version_id = there.get("VersionId")
        return StoredObject(key, digest.hexdigest(), len(body), _version(version_id))

    def get(self, key: str, version_id: str | None = None) -> bytes:
        """The content of an object, of the given version or the newest. Raises ObjectMissing."""
        from botocore.exceptions import ClientError

        request: GetObjectRequestTypeDef = {"Bucket": self.bucket, "Key": key}
        if version_id:
            request["VersionId"] = version_id
        with clear_errors(self.where):
            try:
                return self._client.get_object(**request)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in _NO_OBJECT:
                    raise ObjectMissing(f"{key} is not in bucket {self.bucket}") from error
                raise

    def upload(self, path: Path, key: str) -> None:
        """Write a large file as an object, in parts. The object can be removed again."""
        with clear_errors(self.where):
            self._client.upload_file(str(path), self.bucket, key)

    def download(self, key: str, path: Path) -> None:
        """Write an object to the file `path`, in parts. Raises ObjectMissing."""
        from botocore.exceptions import ClientError

        with clear_errors(self.where):
            try:
                self._client.download_file(self.bucket, key, str(path))
            except ClientError as error:
                if error.response["Error"]["Code"] in _NO_OBJECT | {"404"}:
                    raise ObjectMissing(f"{key} is not in bucket {self.bucket}") from error
                raise

    def remove(self, key: str) -> None:
        """Remove an object that `upload` wrote."""
        with clear_errors(self.where):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """Every key that begins with `prefix`, in key order, deleted ones too as long as a version is left."""
        with clear_errors(self.where):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            versions = (version for page in pages for version in page.get("Versions", []))
            for key, newest_first in groupby(versions, key=itemgetter("Key")):
                *later, first = newest_first
                yield ListedObject(key, _version(first["VersionId"]), first["LastModified"], len(later) + 1)

    @property
    def _locks(self) -> bool:
        return locks_objects(self.bucket, *self._reach)


def _version(version_id: str | None) -> str | None:
    """An id that can be read by, or None: a bucket without versions calls its only one `null`."""
    return None if version_id == "null" else version_id
