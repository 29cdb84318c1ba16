"""Services that only these tests may stop, and scenarios that use them."""

import os
import secrets
import signal
import time
from contextlib import contextmanager

import boto3
import pytest
from worker_host import ProcessScenario

from orchestration import local
from orchestration.db import database as database_module
from orchestration.local.database import server as postgres_server
from orchestration.local.object_storage import server as bucket_server


class StoppableServices:
    """A home with a Postgres and a bucket that the tests stop and restart.

    The workers get their addresses, so that no worker starts a stopped service.
    """

    def __init__(self, home):
        self.home, self.database_url = home, local.postgres(home)
        with database_module.connect(self.database_url):
            pass  # the first connection creates the database
        local_bucket = local.bucket(home)
        self.bucket = f"faults-{secrets.token_hex(4)}"
        self.s3 = boto3.client(
            "s3",
            endpoint_url=local_bucket.endpoint_url,
            region_name=local_bucket.region,
            aws_access_key_id=local_bucket.access_key,
            aws_secret_access_key=local_bucket.secret_key,
        )
        self.s3.create_bucket(Bucket=self.bucket, ObjectLockEnabledForBucket=True)
        self.environment = {
            "DYNAMICS_HOME": str(home),
            "DYNAMICS_DATABASE_URL": self.database_url,
            "DYNAMICS_S3_BUCKET": self.bucket,
            "DYNAMICS_S3_ENDPOINT_URL": local_bucket.endpoint_url,
            "AWS_DEFAULT_REGION": local_bucket.region,
            "AWS_ACCESS_KEY_ID": local_bucket.access_key,
            "AWS_SECRET_ACCESS_KEY": local_bucket.secret_key,
        }

    def restart(self):
        """Crash Postgres, stop S3, and start both again."""
        os.kill(postgres_server(self.home).pid(), signal.SIGQUIT)
        bucket_server(self.home).stop()
        while postgres_server(self.home).pid():
            time.sleep(0.02)
        local.postgres(self.home)
        local.bucket(self.home)

    @contextmanager
    def without_bucket(self):
        """Stop S3 for the block."""
        bucket_server(self.home).stop()
        yield
        local.bucket(self.home)

    def list_manifests(self):
        """Return the snapshot id of each version of each manifest in the bucket."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        keys = [version["Key"] for page in pages for version in page.get("Versions", [])]
        return sorted(key.split("/")[1] for key in keys if key.endswith("/manifest.json"))


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    home = tmp_path_factory.mktemp("services")
    yield StoppableServices(home)
    local.stop(home)


@pytest.fixture(scope="module")
def scenario(services):
    """Return a scenario whose workers are processes."""
    with ProcessScenario(
        services.database_url, environment=services.environment, log=services.home / "workers.log"
    ) as scenario:
        yield scenario
