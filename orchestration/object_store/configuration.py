"""The bucket that the settings name."""

from orchestration import local
from orchestration.object_store.store import ObjectStore
from orchestration.settings import settings


def open_configured_store() -> ObjectStore:
    """Return the bucket of the settings. Start the local bucket if the settings name none."""
    name = settings().s3_bucket
    if name:
        return ObjectStore(name, endpoint_url=settings().s3_endpoint_url)
    bucket = local.bucket(settings().home)
    return ObjectStore(
        bucket.name,
        endpoint_url=bucket.endpoint_url,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        region=bucket.region,
    )
