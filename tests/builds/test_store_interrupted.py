"""A publish that is killed, or has no room: the last build stays, and the next build completes."""

import signal
import subprocess
import sys

import pytest
from stores import contents

from orchestration.builds.store import publish

BUILD = """
import sys, time
from pathlib import Path
from orchestration.builds import build_marts
from orchestration.builds.store import publish as publish_module
from orchestration.database import connect

publishing = sys.modules["orchestration.builds.store.publish"]
counted, last = 0, int(sys.argv[3])

def stop_at_last(real):
    def called(*arguments, **options):
        global counted
        counted += 1
        if counted == last:
            print("here", flush=True)
            time.sleep(600)
        return real(*arguments, **options)
    return called

for name in ("run", "_load", "_copied_file", "_new_file", "_write_spans", "_close"):
    setattr(publishing, name, stop_at_last(getattr(publishing, name)))
publishing.ledger.record = stop_at_last(publishing.ledger.record)
with connect(sys.argv[1]) as connection:
    build_marts(connection, state=Path(sys.argv[2]), full_refresh=sys.argv[4] == "full")
print("done", flush=True)
"""


def killed_at(billed, step: int, kind: str) -> bool:
    """Build in another process and kill it at that step of the publish. Gives whether it had so many."""
    with subprocess.Popen(
        [sys.executable, "-c", BUILD, billed.url, str(billed.state), str(step), kind],
        stdout=subprocess.PIPE,
        text=True,
    ) as building:
        said = building.stdout.readline()
        building.send_signal(signal.SIGKILL)
    return said == "here\n"


STEPS = [
    *(("small", step) for step in (1, 8, 9, 10, 12, 14, 16, 17)),
    *(("full", step) for step in (1, 2, 7, 8, 10, 12, 14)),
]


@pytest.mark.parametrize(("kind", "step"), STEPS)
def test_killed_in_any_step_the_last_build_stays(billed, step, kind):
    before = contents(billed.connection)
    billed.correct()
    assert killed_at(billed, step, kind), "the publish has fewer steps"
    assert contents(billed.connection) == before
    billed.build()
    now = contents(billed.connection)
    assert now != before
    build_id = billed.connection.execute("select max(build_id) from dynamics.report_stores").fetchone()[0]
    publish(billed.connection, build_id, is_full=True)
    billed.connection.commit()
    assert contents(billed.connection) == now


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from orchestration.builds import build_marts
from orchestration.database import connect

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with connect(sys.argv[1]) as connection:
    most = 300_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    build_marts(connection, state=Path(sys.argv[2]))
"""


def test_without_room_for_a_file_the_last_build_stays(billed, tmp_path):
    """A limit on the size of a file refuses writes as a full disk does."""
    before = contents(billed.connection)
    billed.correct()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, billed.url, str(billed.state)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert contents(billed.connection) == before
    billed.build()
    assert contents(billed.connection) != before


def test_two_builds_at_once_both_finish(billed):
    billed.correct()
    arguments = [sys.executable, "-c", BUILD, billed.url, str(billed.state), "0", "small"]
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [one.communicate()[0] for one in both] == ["done\n", "done\n"]
    now = contents(billed.connection)
    assert not billed.build().is_full
    assert contents(billed.connection) == now
