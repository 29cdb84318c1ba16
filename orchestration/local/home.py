"""The folder that holds all state of the local services."""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from orchestration.errors import Unavailable

_PATIENCE = 120.0
"""Seconds to wait for another command that starts or stops services of this home: longer than any start."""


def prepare(home: Path) -> Path:
    """The home, resolved and existing: closed to other users, and ignored by git. Raises Unavailable."""
    home = home.expanduser().resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        for name in ("logs", "run"):
            (home / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the home {home} cannot be used ({error.strerror}): set DYNAMICS_HOME to a folder of yours"
        ) from error
    return home


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Alone among the commands that start or stop services of this home. Raises Unavailable after two minutes."""
    deadline = time.monotonic() + _PATIENCE
    file = os.open(home / "run" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"another command has been at the services in {home} for two minutes: "
                        "wait for it or end it, then try again"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)  # closing alone would leave it to a process forked meanwhile
        os.close(file)


def keep(file: Path, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What the JSON file says; made when missing, once even when two commands come at the same time.

    Only this user can read it. Raises Unavailable when it is damaged.
    """
    if not file.exists():
        draft = _draft(file, make())
        with suppress(FileExistsError):  # the other command was first: its word counts
            os.link(draft, file)
        draft.unlink()
    try:
        kept: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise Unavailable(f"{file} is damaged: remove it, then try again") from error
    return kept


def replace(file: Path, content: Mapping[str, Any]) -> None:
    """Writes the JSON file anew, whole or not at all."""
    _draft(file, content).replace(file)


def _draft(file: Path, content: Mapping[str, Any]) -> Path:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    with os.fdopen(handle, "w") as draft:
        json.dump(content, draft)
    return Path(name)
