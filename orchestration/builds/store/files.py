"""Files of the report store on this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from orchestration.settings import settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from psycopg import Connection
    from psycopg.rows import TupleRow

COMMON = 0
"""The part of the store for rows that belong to no client."""

_COPY_BYTES = 1 << 30
"""The most bytes that one system call copies."""


_SIZE_SUFFIX = ".bytes"
_SIDE_SUFFIXES = (".wal", _SIZE_SUFFIX)
"""The suffixes of files beside a store file."""


class StoreFile(NamedTuple):
    """One file of a build's report store, as the ledger describes it."""

    part: int
    name: str
    bytes: int
    sha256: str | None
    """The hash of the content if the file is also in the bucket, otherwise None."""


def prepare_folder(connection: Connection[TupleRow]) -> Path:
    """Return the folder of the store files of this database. Create it if needed.

    Each database has a folder of its own, also if two databases use the same home.
    """
    row = connection.execute(
        "select current_database(), installation_id from dynamics.installation"
    ).fetchone()
    name, installation = row or ("", "")
    path = settings().home / "store" / f"{hashlib.sha256(name.encode()).hexdigest()[:8]}-{installation}"
    path.mkdir(parents=True, exist_ok=True)
    return path


def make_file_name(part: int) -> str:
    """Return a new, unique file name for a part of the store."""
    return f"{'common' if part == COMMON else f'part-{part}'}-{uuid4().hex}.duckdb"


def copy_file(source: Path, target: Path) -> None:
    """Copy a file. The copy shares its blocks with the source if the file system can do that."""
    try:
        with source.open("rb") as reading, target.open("wb") as writing:
            while os.copy_file_range(reading.fileno(), writing.fileno(), _COPY_BYTES):
                pass
    except OSError:
        shutil.copyfile(source, target)


def describe(path: Path, part: int) -> StoreFile:
    """Return the ledger's description of a finished file."""
    return StoreFile(part, path.name, path.stat().st_size, None)


def write_own_size(path: Path, size: int) -> None:
    """Store the size of a file that this host writes under a name that the ledger has already.

    Two hosts that write the same rows get files of different sizes.
    """
    path.with_name(f"{path.name}{_SIZE_SUFFIX}").write_text(str(size), encoding="ascii")


def read_own_size(path: Path) -> int | None:
    """Return the size that `write_own_size` stored, or None."""
    try:
        return int(path.with_name(f"{path.name}{_SIZE_SUFFIX}").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def remove_own_size(path: Path) -> None:
    """Forget the size that `write_own_size` stored: the file is now the one of the ledger."""
    path.with_name(f"{path.name}{_SIZE_SUFFIX}").unlink(missing_ok=True)


def remove_others(path: Path, kept: Collection[str]) -> None:
    """Remove all store files in the folder `path`, except those with a name in `kept`.

    A process that has such a file open can still read it. The system frees the file at the last
    close.
    """
    for file in _list_store_files(path):
        if file.name.partition(".duckdb")[0] + ".duckdb" not in kept:
            with suppress(FileNotFoundError):
                file.unlink()


def _list_store_files(path: Path) -> Iterator[Path]:
    for suffix in ("", *_SIDE_SUFFIXES):
        yield from path.glob(f"*.duckdb{suffix}")
