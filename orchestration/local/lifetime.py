"""How our own servers end when their home is deleted under them."""

import asyncio
from pathlib import Path


async def until_deleted(pid_file: Path) -> None:
    """Returns when the pid file is gone or another stands in its place: nobody can find this server any more."""
    ours = _inode(pid_file)
    while _inode(pid_file) == ours is not None:  # noqa: ASYNC110 - a file has no event to wait for
        await asyncio.sleep(1)


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None
