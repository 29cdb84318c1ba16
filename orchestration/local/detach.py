"""Start a command as a daemon that holds its pid file locked. Run this file as a program.

    python detach.py PIDFILE LOGFILE COMMAND...

The command and its children inherit the lock. The kernel releases it when the last of them ends.
A lock therefore proves that the process runs. A process id alone does not, because the system
uses it again.
"""

import fcntl
import os
import sys
from pathlib import Path


def main(pid_file: str, log_file: str, *command: str) -> None:
    """Fork a child that becomes the command in a new session. Return in the parent."""
    lock = os.open(pid_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    output = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.write(lock, f"{child}\n".encode())
        return
    os.setsid()
    os.set_inheritable(lock, True)
    for stream, file in enumerate((null, output, output)):
        os.dup2(file, stream)
    os.chdir(Path(__file__).parents[2])  # here `python -m orchestration` works, installed or not
    os.execv(command[0], command)  # noqa: S606 - our own program, and no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
