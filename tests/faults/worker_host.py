"""Worker hosts: workers that are processes and can be killed with SIGKILL."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fault_scenario import FaultScenario

PROGRAM = Path(__file__).with_name("worker.py")


class WorkerHost:
    """A process that forks one worker at a time."""

    def __init__(self, environment, log):
        self.worker_pid = None
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    def start_worker(self, order):
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        self.worker_pid = int(self.read_line())

    def read_line(self):
        return self._process.stdout.readline().strip()

    def signal_worker(self, number):
        if self.worker_pid:
            with suppress(ProcessLookupError):
                os.kill(self.worker_pid, number)

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)


@dataclass
class ProcessScenario(FaultScenario):
    """A scenario whose workers are processes of two worker hosts."""

    environment: dict = field(default_factory=dict)
    log: Path = Path(os.devnull)
    ends: list = field(default_factory=list)
    """How the workers ended, in order."""

    def __enter__(self):
        super().__enter__()
        self._log_file = self.log.open("a")
        environment = os.environ | self.environment | {"DYNAMICS_SMTP_URL": self.mailbox.url}
        self.hosts = [WorkerHost(environment, self._log_file) for _ in range(2)]
        assert [host.read_line() for host in self.hosts] == ["ready", "ready"]
        self.mailbox.accepted.clear()  # each host sends one mail at its start
        self.mailbox.kill_sender = self.kill
        return self

    def __exit__(self, *error):
        for host in self.hosts:
            host.close()
        self._log_file.close()
        super().__exit__(*error)

    def kill(self):
        """Kill all workers."""
        for host in self.hosts:
            host.signal_worker(signal.SIGKILL)

    def run(self, order, *, second=None, while_paused=None):
        host, *others = [host for host in self.hosts if host.worker_pid is None]
        if second:
            others[0].start_worker(second)
        host.start_worker(order)
        if second:
            self._wait_for_end(others[0])
        return self._wait_for_end(host, while_paused)

    def _wait_for_end(self, host, while_paused=None):
        while (end := host.read_line()) == "paused":
            while_paused()
            host.signal_worker(signal.SIGCONT)
        host.worker_pid = None
        self.ends.append(end)
        assert end in ("exit 0", "exit 1", "signal 9"), f"{end}: {self.log.read_text()[-3000:]}"
        return end
