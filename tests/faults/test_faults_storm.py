"""Random schedules of faults: one to four faulty attempts at a delivery each, then clean ones until nothing is due.

The first test is all real: each worker is a process, killed by SIGKILL by itself or by the mail server in the middle
of a mail, and makes, keeps and mails a snapshot of its own. It costs a third of a second a schedule, so that most
schedules run inside this process, in the second test: there a worker's death is an exception after which nothing
reaches the database or the mail server any more, and the snapshot is there already. Postgres, the outbox, the way
to the mail server and the mail server are real in both.
"""

from collections import Counter

import pytest
import worker
from fate import AFTER_THE_SNAPSHOT, ANSWERS, fate
from inside import Inside, OneSnapshot
from scene import Order, require_truth

from orchestration.connections import open_archive
from orchestration.settings import settings

KILLED, INSIDE = 60, 440
ANSWERS_INSIDE = [answer for answer in ANSWERS * 2 if answer != "kill"][:-1]
"""Nobody can kill a worker from outside here; a hang is drawn half as often, because it is waited for."""


def test_nobody_gets_two_and_nobody_is_forgotten_when_workers_are_killed(plant, lane):
    endings = [lane.suffer(fate(seed)) for seed in range(KILLED)]
    states = require_truth(endings, lane.mailbox.recipients())
    ends = Counter(lane.ends)
    assert states["sent"] > KILLED
    assert states["unknown"] > 10
    assert ends["signal 9"] > 10
    snapshots = [
        snapshot_id for (snapshot_id,) in lane.execute("select snapshot_id from dynamics.occurrences")
    ]
    indexed = [snapshot_id for (snapshot_id,) in lane.execute("select snapshot_id from dynamics.snapshots")]
    assert sorted(snapshots) == sorted(indexed) == plant.manifests()
    assert len(snapshots) == KILLED + 1  # and that of the nursery


@pytest.fixture
def inside(plant, monkeypatch):
    """A scene inside this process, with one snapshot that was kept for real, on a Postgres that nobody will crash."""
    with Inside(plant.database_url) as scene, worker.prepared(patience=0.15):
        for name, value in {**plant.environment, "DYNAMICS_SMTP_URL": scene.mailbox.url}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        warm = Order("1999-01-01T00:00:00+00:00", ["warm@up.example.com"])
        worker.work(warm.moment, warm.recipients)
        with open_archive() as (archive, _):
            ((snapshot_id,),) = scene.execute(
                "select snapshot_id from dynamics.occurrences where scheduled_at = %s", warm.moment
            )
            scene.archive = OneSnapshot(archive.open(snapshot_id))
        scene.mailbox.taken.clear()
        scene.execute("alter database dynamics set synchronous_commit = off")
        yield scene
    settings.cache_clear()


def test_nobody_gets_two_and_nobody_is_forgotten(inside):
    fates = (fate(seed, AFTER_THE_SNAPSHOT, ANSWERS_INSIDE) for seed in range(1000, 1000 + INSIDE))
    endings = [inside.suffer(each) for each in fates]
    states = require_truth(endings, inside.mailbox.recipients())
    assert states["sent"] > INSIDE
    assert states["unknown"] > 50
    assert states["failed"] > 20
