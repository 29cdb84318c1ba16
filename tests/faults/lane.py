"""Workers that are processes, and die by SIGKILL."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scene import Scene

PROGRAM = Path(__file__).with_name("worker.py")


class Nursery:
    """One worker at a time."""

    def __init__(self, environment, log):
        self.worker = None
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def begin(self, order):
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        self.worker = int(self.heard())

    def heard(self):
        return self._process.stdout.readline().strip()

    def signal(self, number):
        if self.worker:
            with suppress(ProcessLookupError):
                os.kill(self.worker, number)

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)


@dataclass
class Lane(Scene):
    """Two nurseries before one mail server."""

    environment: dict = field(default_factory=dict)
    log: Path = Path(os.devnull)
    ends: list = field(default_factory=list)
    """How workers ended, in order."""

    def __enter__(self):
        super().__enter__()
        self._file = self.log.open("a")
        environment = os.environ | self.environment | {"DYNAMICS_SMTP_URL": self.mailbox.url}
        self.nurseries = [Nursery(environment, self._file) for _ in range(2)]
        assert [nursery.heard() for nursery in self.nurseries] == ["ready", "ready"]
        self.mailbox.taken.clear()  # the nurseries' own
        self.mailbox.kill_sender = self.kill
        return self

    def __exit__(self, *error):
        for nursery in self.nurseries:
            nursery.close()
        self._file.close()
        super().__exit__(*error)

    def kill(self):
        """Kills whoever is at work."""
        for nursery in self.nurseries:
            nursery.signal(signal.SIGKILL)

    def run(self, order, *, beside=None, meanwhile=None):
        first, *others = [nursery for nursery in self.nurseries if nursery.worker is None]
        if beside:
            others[0].begin(beside)
        first.begin(order)
        if beside:
            self._until_it_ends(others[0])
        return self._until_it_ends(first, meanwhile)

    def _until_it_ends(self, nursery, meanwhile=None):
        while (end := nursery.heard()) == "paused":
            meanwhile()
            nursery.signal(signal.SIGCONT)
        nursery.worker = None
        self.ends.append(end)
        assert end in ("exit 0", "exit 1", "signal 9"), f"{end}: {self.log.read_text()[-3000:]}"
        return end
