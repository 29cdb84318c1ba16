"""Random fault schedules: one to four faulty attempts at a delivery, then attempts without faults.

In the first test everything is real. Each worker is a process that is killed with SIGKILL, by
itself or by the mail server in the middle of a mail, and creates a snapshot of its own. The second
test runs many more schedules with workers that are threads: their death is an exception after which
nothing reaches the database or the mail server, and the snapshot already exists. Postgres, the
outbox, the transport and the mail server are real in both tests.
"""

from collections import Counter

import pytest
import worker
from fault_scenario import WorkerOrder, check_results
from fault_schedule import ANSWERS, STEPS_AFTER_THE_SNAPSHOT, draw_schedule
from thread_scenario import SharedSnapshotArchive, ThreadScenario

from orchestration.connections import open_archive
from orchestration.settings import settings

PROCESS_SCHEDULES, THREAD_SCHEDULES = 60, 440
THREAD_ANSWERS = [answer for answer in ANSWERS * 2 if answer != "kill"][:-1]
"""A thread cannot be killed from outside. `hang` is drawn half as often, because it takes long."""


def test_killed_workers_lose_no_mail_and_send_none_twice(services, scenario):
    results = [scenario.run_schedule(draw_schedule(seed)) for seed in range(PROCESS_SCHEDULES)]
    states = check_results(results, scenario.mailbox.recipients())
    ends = Counter(scenario.ends)
    assert states["sent"] > PROCESS_SCHEDULES
    assert states["unknown"] > 10
    assert ends["signal 9"] > 10
    reserved = [
        snapshot_id for (snapshot_id,) in scenario.execute("select snapshot_id from dynamics.occurrences")
    ]
    indexed = [
        snapshot_id for (snapshot_id,) in scenario.execute("select snapshot_id from dynamics.snapshots")
    ]
    assert sorted(reserved) == sorted(indexed) == services.list_manifests()
    assert len(reserved) == PROCESS_SCHEDULES + 1  # both worker hosts share one at their start


@pytest.fixture
def thread_scenario(services, monkeypatch):
    """Return a scenario whose workers are threads, with one snapshot that was really archived."""
    with ThreadScenario(services.database_url) as scenario, worker.prepare(timeout=0.15):
        for name, value in {**services.environment, "DYNAMICS_SMTP_URL": scenario.mailbox.url}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        first = WorkerOrder("1999-01-01T00:00:00+00:00", ["warm@up.example.com"])
        worker.work(first.moment, first.recipients)
        with open_archive() as (archive, _):
            ((snapshot_id,),) = scenario.execute(
                "select snapshot_id from dynamics.occurrences where scheduled_at = %s", first.moment
            )
            scenario.archive = SharedSnapshotArchive(archive.open(snapshot_id))
        scenario.mailbox.accepted.clear()
        # No test of this fixture crashes Postgres, so commits need not wait for the disk.
        scenario.execute("alter database dynamics set synchronous_commit = off")
        yield scenario
    settings.cache_clear()


def test_faults_lose_no_mail_and_send_none_twice(thread_scenario):
    schedules = (
        draw_schedule(seed, STEPS_AFTER_THE_SNAPSHOT, THREAD_ANSWERS)
        for seed in range(1000, 1000 + THREAD_SCHEDULES)
    )
    results = [thread_scenario.run_schedule(schedule) for schedule in schedules]
    states = check_results(results, thread_scenario.mailbox.recipients())
    assert states["sent"] > THREAD_SCHEDULES
    assert states["unknown"] > 50
    assert states["failed"] > 20
