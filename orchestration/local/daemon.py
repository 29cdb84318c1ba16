"""A server process that outlives the command that started it."""

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
from orchestration.local.home import locked

_START = 60.0
"""Seconds until a start has failed: Postgres answers in 0.3 s, but after a crash it replays its log first."""
_STOP = 15.0
"""Seconds until a stop becomes a kill, which none of the services loses data in."""


@dataclass(frozen=True)
class Daemon:
    """One service of a prepared home, known by its locked pid file; `farewell` is the signal that ends it in order."""

    home: Path
    name: str
    farewell: signal.Signals = signal.SIGTERM

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.home / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Locked while it runs."""
        return self.home / "run" / f"{self.name}.pid"

    def pid(self) -> int | None:
        """Its process id while it runs. The lock decides: a pid that is a stranger's by now is never returned."""
        try:
            file = os.open(self.pid_file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            written = os.read(file, 32)  # nothing yet, between its lock and its fork
            return int(written) if written else None
        else:
            fcntl.flock(file, fcntl.LOCK_UN)
            return None
        finally:
            os.close(file)

    def ensure(self, command: Callable[[], Sequence[str]], answers: Callable[[], bool]) -> None:
        """Running and answering when this returns; `command` is asked only for a start. Raises Unavailable."""
        if self.pid() and answers():
            return
        with locked(self.home):
            deadline = time.monotonic() + _START
            seen = self.log.stat().st_size if self.log.exists() else 0
            started = False
            while not (self.pid() and answers()):
                if not self.pid():
                    if started:
                        raise self._failed("stopped at once", seen)
                    self._spawn(command())
                    started = True
                elif time.monotonic() > deadline:
                    raise self._failed(f"has not answered for {_START:.0f} s, `dynamics down` ends it", seen)
                time.sleep(0.02)

    def stop(self) -> bool:
        """Whether there was one to stop; it is gone when this returns."""
        if not self.pid():
            return False
        for sign in (self.farewell, signal.SIGKILL):
            deadline = time.monotonic() + _STOP
            if pid := self.pid():
                with suppress(ProcessLookupError):  # gone, while a child of it still holds the lock
                    os.kill(pid, sign)
            while self.pid() and time.monotonic() < deadline:
                time.sleep(0.02)
        return True

    def _spawn(self, command: Sequence[str]) -> None:
        detach = str(Path(__file__).with_name("detach.py"))
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            [sys.executable, "-I", detach, str(self.pid_file), str(self.log), *command],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_START,
        )
        if done.returncode:
            raise Unavailable(f"the local {self.name} cannot be started: {telling(done.stderr)}")

    def _failed(self, what: str, seen: int) -> Unavailable:
        with self.log.open("rb") as file:
            file.seek(seen)
            said = telling(file.read().decode(errors="replace"))
        return Unavailable(f"the local {self.name} {what} ({said}): see {self.log}")


def telling(output: str) -> str:
    """The line of a program's output that says best why it failed: the last about an error, or else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    return ([line for line in lines if re.search("fatal|error", line, re.IGNORECASE)] or lines)[-1]
