"""Files of the report store on this machine: where they lie, how they are copied and removed."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from orchestration.settings import settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from psycopg import Connection
    from psycopg.rows import TupleRow

COMMON = 0
"""The part of the store that holds what belongs to no client."""

_ALL_AT_ONCE = 1 << 30


class StoreFile(NamedTuple):
    """One file of a build's report store, as the ledger names it."""

    part: int
    name: str
    bytes: int
    sha256: str | None
    """The hash of the content, where the file is also kept in the bucket."""


def folder(connection: Connection[TupleRow]) -> Path:
    """Return the folder of the database's store files, and make it where there is none.

    Two databases of one home have a folder each.
    """
    row = connection.execute(
        "select current_database(), installation_id from dynamics.installation"
    ).fetchone()
    name, installation = row or ("", "")
    path = settings().home / "store" / f"{hashlib.sha256(name.encode()).hexdigest()[:8]}-{installation}"
    path.mkdir(parents=True, exist_ok=True)
    return path


def new_name(part: int) -> str:
    """Return a file name that no other build has."""
    return f"{'common' if part == COMMON else f'part-{part}'}-{uuid4().hex}.duckdb"


def copy(source: Path, target: Path) -> None:
    """Copy a file. A file system that can share the blocks of both files does so."""
    try:
        with source.open("rb") as reading, target.open("wb") as writing:
            while os.copy_file_range(reading.fileno(), writing.fileno(), _ALL_AT_ONCE):
                pass
    except OSError:
        shutil.copyfile(source, target)


def described(path: Path, part: int) -> StoreFile:
    """Return the ledger's description of a finished file."""
    return StoreFile(part, path.name, path.stat().st_size, None)


def remove_others(path: Path, kept: Collection[str]) -> None:
    """Remove the store files in the folder `path` that are not `kept`.

    A process that has one of them open goes on reading it: the system frees it at the last close.
    """
    for file in _store_files(path):
        if file.name.removesuffix(".wal") not in kept:
            with suppress(FileNotFoundError):
                file.unlink()


def total_bytes(files: Sequence[StoreFile]) -> int:
    """Return the size of the files in bytes."""
    return sum(file.bytes for file in files)


def _store_files(path: Path) -> Iterator[Path]:
    yield from path.glob("*.duckdb")
    yield from path.glob("*.duckdb.wal")
