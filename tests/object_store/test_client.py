"""The boto3 client that stores and threads share."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from orchestration.object_store.client import get_client

THREADS = 8


def test_threads_that_start_together_share_one_client():
    barrier = Barrier(THREADS)

    def get_client_id(_):
        barrier.wait()
        return id(get_client("http://127.0.0.1:9", "key", "secret", "eu-test-1"))

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(get_client_id, range(THREADS)))) == 1
