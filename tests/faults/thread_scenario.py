"""Workers that are threads of this process, which makes many fault schedules fast.

The death of such a worker is an exception after which nothing reaches the database.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import worker
from fault_scenario import FaultScenario

from orchestration.db.database import connect
from orchestration.errors import DynamicsError


class Killed(BaseException):
    """The death of a worker. The product catches no BaseException.

    The connection of the worker is closed before.
    """


class SharedSnapshotArchive:
    """An archive in which every occurrence already has the same snapshot."""

    def __init__(self, snapshot):
        bodies = {file.key: snapshot.read(name) for name, file in snapshot.manifest.files.items()}
        self.snapshot = replace(snapshot, store=SimpleNamespace(get=lambda key, _: bodies[key]))

    def link(self, snapshot_id):
        return self.snapshot.manifest.link

    def store(self, report, provenance, files, **options):
        return self.snapshot

    def open(self, snapshot_id):
        return self.snapshot

    def find_stored(self, snapshot_id):
        return self.snapshot


class ThreadScenario(FaultScenario):
    """A scenario whose workers are threads. All faults come after the snapshot is archived."""

    archive = None

    def run(self, order, *, second=None, while_paused=None):
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(self._work, second) if second else None
            self._work(order, while_paused)
            if other:
                other.result()

    def _work(self, order, while_paused=None):
        connection = connect(self.database_url)

        def die():
            connection.close()
            raise Killed

        stops = {"kill": die, "pause": while_paused, "disconnect": lambda: worker.disconnect(connection)}
        step, when, number, how = order.stop or (None,) * 4
        try:
            with worker.stop_at(step, when, number, stops[how]) if step else nullcontext():
                worker.deliver(self.archive, connection, order.moment, order.recipients)
        except (Killed, DynamicsError, psycopg.OperationalError):
            pass  # The worker died, or failed with the message that `connections.database` gives.
        finally:
            connection.close()
