"""The boto3 client that stores and threads share."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from orchestration.object_store.client import client

_THREADS = 8


def test_threads_that_start_together_share_one_client() -> None:
    barrier = Barrier(_THREADS)

    def make(_: int) -> int:
        barrier.wait()
        return id(client("http://127.0.0.1:9", "key", "secret", "eu-test-1"))

    with ThreadPoolExecutor(_THREADS) as pool:
        assert len(set(pool.map(make, range(_THREADS)))) == 1
