"""A server process that keeps running after the command that started it."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import Unavailable
from orchestration.local.state_dir import lock_home

START_TIMEOUT = 60.0
"""Seconds. Postgres starts in less than one, but after a crash it first replays its log."""
STOP_TIMEOUT = 15.0
"""Seconds until a stop becomes a kill. No service loses data in a kill."""


@dataclass(frozen=True)
class Daemon:
    """A service of a prepared home. It is running as long as its pid file is locked."""

    home: Path
    name: str
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def log(self) -> Path:
        """The file with the output of the process."""
        return self.home / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """The file that is locked while the process runs."""
        return self.home / "run" / f"{self.name}.pid"

    def pid(self) -> int | None:
        """Return the process id while the process runs.

        The lock decides, so the id never belongs to another program that got the same number.
        """
        try:
            file = os.open(self.pid_file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            content = os.read(file, 32)  # empty between the lock and the fork
            return int(content) if content else None
        else:
            fcntl.flock(file, fcntl.LOCK_UN)
            return None
        finally:
            os.close(file)

    def ensure_running(self, command: Callable[[], Sequence[str]], is_ready: Callable[[], bool]) -> None:
        """Start the process if it is not running, and wait until it is ready.

        `command` is called only for a start. Raise Unavailable if the process does not become
        ready.
        """
        if self.pid() and is_ready():
            return
        with lock_home(self.home):
            deadline = time.monotonic() + START_TIMEOUT
            log_size = self.log.stat().st_size if self.log.exists() else 0
            started = False
            while not (self.pid() and is_ready()):
                if not self.pid():
                    if started:
                        raise self._failure("stopped at once", log_size)
                    self._spawn(command())
                    started = True
                elif time.monotonic() > deadline:
                    raise self._failure(
                        f"has not answered for {START_TIMEOUT:.0f} s, `dynamics down` ends it", log_size
                    )
                time.sleep(0.02)

    def stop(self) -> bool:
        """Stop the process and wait for its end. Return False if it was not running."""
        if not self.pid():
            return False
        for number in (self.stop_signal, signal.SIGKILL):
            deadline = time.monotonic() + STOP_TIMEOUT
            if pid := self.pid():
                with suppress(ProcessLookupError):  # it has ended, but a child still holds the lock
                    os.kill(pid, number)
            while self.pid() and time.monotonic() < deadline:
                time.sleep(0.02)
        return True

    def _spawn(self, command: Sequence[str]) -> None:
        detach = str(Path(__file__).with_name("detach.py"))
        process = subprocess.run(  # noqa: S603 - our own program, and no shell
            [sys.executable, "-I", detach, str(self.pid_file), str(self.log), *command],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT,
        )
        if process.returncode:
            raise Unavailable(f"the local {self.name} cannot be started: {find_failure_line(process.stderr)}")

    def _failure(self, what: str, log_size: int) -> Unavailable:
        """Return the error of a failed start. `log_size` is the length of the log before it."""
        with self.log.open("rb") as file:
            file.seek(log_size)
            reason = find_failure_line(file.read().decode(errors="replace"))
        return Unavailable(f"the local {self.name} {what} ({reason}): see {self.log}")


def find_failure_line(output: str) -> str:
    """Return the last line of a program's output that has an error, or else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it has no output"]
    return ([line for line in lines if re.search("fatal|error", line, re.IGNORECASE)] or lines)[-1]
