"""A publish that is killed or has no disk space: the last build stays, the next one completes."""

import signal
import subprocess
import sys

import pytest
from stores import read_store

from orchestration.builds.store import publish

BUILD = """
import sys, time
from pathlib import Path
from orchestration.builds import build_marts
import orchestration.builds.store
from orchestration.db.database import connect

publishing = sys.modules["orchestration.builds.store.publish"]
calls, stop_at = 0, int(sys.argv[3])

def count(function):
    def counted(*arguments, **options):
        global calls
        calls += 1
        if calls == stop_at:
            print("stopped", flush=True)
            time.sleep(600)
        return function(*arguments, **options)
    return counted

for name in ("run_script", "_load", "_copy_file", "_create_file", "_write_spans", "_close"):
    setattr(publishing, name, count(getattr(publishing, name)))
publishing.ledger.record_store = count(publishing.ledger.record_store)
with connect(sys.argv[1]) as connection:
    build_marts(connection, state=Path(sys.argv[2]), full_refresh=sys.argv[4] == "full")
print("done", flush=True)
"""


def kill_at(built, step: int, kind: str) -> bool:
    """Build in another process, and kill it at a step of the publish. Return False without it."""
    with subprocess.Popen(
        [sys.executable, "-c", BUILD, built.url, str(built.state), str(step), kind],
        stdout=subprocess.PIPE,
        text=True,
    ) as building:
        output = building.stdout.readline()
        building.send_signal(signal.SIGKILL)
    return output == "stopped\n"


STEPS = [
    *(("incremental", step) for step in (1, 8, 9, 10, 12, 14, 16, 17)),
    *(("full", step) for step in (1, 2, 7, 8, 10, 12, 14)),
]


@pytest.mark.parametrize(("kind", "step"), STEPS)
def test_last_build_stays_when_a_publish_is_killed(built, step, kind):
    before = read_store(built.connection)
    built.correct()
    assert kill_at(built, step, kind), "the publish has fewer steps"
    assert read_store(built.connection) == before
    built.build()
    now = read_store(built.connection)
    assert now != before
    [(build_id,)] = built.connection.execute("select max(build_id) from dynamics.report_stores").fetchall()
    publish(built.connection, build_id, is_full=True)
    built.connection.commit()
    assert read_store(built.connection) == now


BUILD_WITHOUT_SPACE = """
import resource, signal, sys
from pathlib import Path
from orchestration.builds import build_marts
from orchestration.db.database import connect

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with connect(sys.argv[1]) as connection:
    max_bytes = 300_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
    build_marts(connection, state=Path(sys.argv[2]))
"""


def test_last_build_stays_without_space_for_a_file(built):
    """A limit on the size of a file rejects writes as a full disk does."""
    before = read_store(built.connection)
    built.correct()
    finished = subprocess.run(
        [sys.executable, "-c", BUILD_WITHOUT_SPACE, built.url, str(built.state)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert read_store(built.connection) == before
    built.build()
    assert read_store(built.connection) != before


def test_two_builds_at_once_both_finish(built):
    built.correct()
    arguments = [sys.executable, "-c", BUILD, built.url, str(built.state), "0", "incremental"]
    processes = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in processes] == ["done\n", "done\n"]
    now = read_store(built.connection)
    assert not built.build().is_full
    assert read_store(built.connection) == now
