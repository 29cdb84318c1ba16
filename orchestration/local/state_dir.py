"""The home: the folder with all state of the local services."""

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

LOCK_TIMEOUT = 120.0
"""Seconds to wait for another command that starts or stops services: longer than any start."""


def prepare_home(home: Path) -> Path:
    """Create the home if it is missing and return its absolute path.

    Other users cannot enter it, and git ignores it. Raise Unavailable if it cannot be used.
    """
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
def lock_home(home: Path) -> Iterator[None]:
    """Let no other command start or stop services of this home inside the block.

    Raise Unavailable if another command holds the lock for two minutes.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT
    file = os.open(home / "run" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"another command has been working on the services in {home} for two minutes: "
                        "wait for it or end it, then try again"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)  # a process that was forked meanwhile would keep the lock
        os.close(file)


def load_or_create(file: Path, create: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Return the content of the JSON file. Create the file if it is missing.

    If two commands create it at the same time, both return the same content. Only this user can
    read the file. Raise Unavailable if it is damaged.
    """
    if not file.exists():
        draft = _write_draft(file, create())
        with suppress(FileExistsError):  # the other command was first: its content counts
            os.link(draft, file)
        draft.unlink()
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise Unavailable(f"{file} is damaged: remove it, then try again") from error
    return content


def replace_json(file: Path, content: Mapping[str, Any]) -> None:
    """Replace the whole content of the JSON file in one step."""
    _write_draft(file, content).replace(file)


def _write_draft(file: Path, content: Mapping[str, Any]) -> Path:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    with os.fdopen(handle, "w") as draft:
        json.dump(content, draft)
    return Path(name)
