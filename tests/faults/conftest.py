"""Servers that this folder alone may stop, and lanes on them."""

import os
import secrets
import signal
import time
from contextlib import contextmanager

import boto3
import pytest
from lane import Lane

from orchestration import database as database_room
from orchestration import local
from orchestration.local.database import server as postgres_server
from orchestration.local.objects import server as bucket_server


class Plant:
    """A home whose Postgres and S3 are named to the workers, so that none of them starts what was stopped."""

    def __init__(self, home):
        self.home, self.database_url = home, local.postgres(home)
        with database_room.connect(self.database_url):
            pass
        place = local.bucket(home)
        self.bucket = f"faults-{secrets.token_hex(4)}"
        keys = {"aws_access_key_id": place.access_key, "aws_secret_access_key": place.secret_key}
        self.s3 = boto3.client("s3", endpoint_url=place.endpoint_url, region_name=place.region, **keys)
        self.s3.create_bucket(Bucket=self.bucket, ObjectLockEnabledForBucket=True)
        self.environment = {
            "DYNAMICS_HOME": str(home),
            "DYNAMICS_DATABASE_URL": self.database_url,
            "DYNAMICS_S3_BUCKET": self.bucket,
            "DYNAMICS_S3_ENDPOINT_URL": place.endpoint_url,
            "AWS_DEFAULT_REGION": place.region,
            **{name.upper(): value for name, value in keys.items()},
        }

    def lane(self):
        return Lane(self.database_url, environment=self.environment, log=self.home / "workers.log")

    def restart(self):
        """Postgres crashes and S3 ends, under whoever is at work, and both come again."""
        os.kill(postgres_server(self.home).pid(), signal.SIGQUIT)
        bucket_server(self.home).stop()
        while postgres_server(self.home).pid():
            time.sleep(0.02)
        local.postgres(self.home)
        local.bucket(self.home)

    @contextmanager
    def without_bucket(self):
        """S3 is away meanwhile."""
        bucket_server(self.home).stop()
        yield
        local.bucket(self.home)

    def manifests(self):
        """The snapshots in the bucket, with how many versions each manifest has."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        keys = [version["Key"] for page in pages for version in page.get("Versions", [])]
        return sorted(key.split("/")[1] for key in keys if key.endswith("/manifest.json"))


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    home = tmp_path_factory.mktemp("plant")
    yield Plant(home)
    local.stop(home)


@pytest.fixture(scope="module")
def lane(plant):
    with plant.lane() as lane:
        yield lane
