"""Workers in this process, many a second: their death is an exception after which nothing reaches the database."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import worker
from scene import Scene

from orchestration.database import connect
from orchestration.errors import DynamicsError


class Killed(BaseException):
    """The worker is dead. No `except Exception` of the product catches it, and its connections are cut before it."""


class OneSnapshot:
    """An archive in which every occurrence has its snapshot already, and the bytes of one that was kept for real."""

    def __init__(self, snapshot):
        bytes_of = {file.key: snapshot.read(name) for name, file in snapshot.manifest.files.items()}
        self.snapshot = replace(snapshot, store=SimpleNamespace(get=lambda key, _: bytes_of[key]))

    def keep(self, report, **told):
        return self.snapshot

    def open(self, snapshot_id):
        return self.snapshot

    def kept(self, snapshot_id):
        return self.snapshot


class Inside(Scene):
    """Workers that share one snapshot: what can go wrong here is all that comes after it."""

    archive = None

    def run(self, order, *, beside=None, meanwhile=None):
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(self._work, beside) if beside else None
            self._work(order, meanwhile)
            if other:
                other.result()

    def _work(self, order, meanwhile=None):
        connection = connect(self.database_url)

        def die():
            connection.close()
            raise Killed

        ends = {"kill": die, "pause": meanwhile, "disconnect": lambda: worker.disconnect(connection)}
        step, when, number, how = order.stop or (None,) * 4
        try:
            with worker.stopped(step, when, number, ends[how]) if step else nullcontext():
                worker.deliver(self.archive, connection, order.moment, order.recipients)
        except (Killed, DynamicsError, psycopg.OperationalError):
            pass  # dead, or told in one line: the last is what `connections.database` makes one of
        finally:
            connection.close()
