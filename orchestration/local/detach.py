"""Run as a file: starts a command as a daemon that holds its pid file locked.

    python detach.py PIDFILE LOGFILE COMMAND...

The lock passes to the command and its children, and the kernel drops it with the last of them: a locked
pid file is the proof of life that a bare pid, used again by a stranger, is not.
"""

import fcntl
import os
import sys
from pathlib import Path


def main(pid_file: str, log_file: str, *command: str) -> None:
    """Returns in the caller; the child, in a session of its own, becomes the command."""
    lock = os.open(pid_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    output = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.write(lock, f"{child}\n".encode())
        return
    os.setsid()
    os.set_inheritable(lock, True)
    for stream, file in enumerate((nothing, output, output)):
        os.dup2(file, stream)
    os.chdir(Path(__file__).parents[2])  # `python -m orchestration.…` works from here, installed or not
    os.execv(command[0], command)  # noqa: S606 - a program of ours, and no shell is wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
