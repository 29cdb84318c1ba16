"""The bucket that the settings name."""

from orchestration import local
from orchestration.object_store.store import ObjectStore
from orchestration.settings import settings


def configured() -> ObjectStore:
    """Return the bucket of the settings; start the local one when they name none."""
    named = settings().s3_bucket
    if named:
        return ObjectStore(named, endpoint_url=settings().s3_endpoint_url)
    bucket = local.bucket(settings().home)
    return ObjectStore(
        bucket.name,
        endpoint_url=bucket.endpoint_url,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        region=bucket.region,
    )
