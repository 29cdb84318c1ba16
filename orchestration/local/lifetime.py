"""The end of a server: it stops when its home is deleted."""

import asyncio
from pathlib import Path


async def wait_until_deleted(pid_file: Path) -> None:
    """Return when the pid file is deleted or replaced: no command can find the server then."""
    original = _inode(pid_file)
    while _inode(pid_file) == original is not None:  # noqa: ASYNC110 - a file has no event
        await asyncio.sleep(1)


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None
