"""The files of an extract: which there are, their header, their bytes in chunks, and on which line a record stands.

Postgres reads the CSV. This module knows as much of CSV as Postgres does when it looks for the end of a record: a quote
character turns quoting on or off, wherever it stands.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from orchestration.errors import RequestError
from orchestration.source.contract import TABLES, Table
from orchestration.source.packing import PACKED, NotWhole

Progress = Callable[[str, int, int], None]
"""Is told a file's name, how many of its bytes are done, and how many it has."""

_CHUNK_BYTES = 1 << 20
_LONGEST_SHOWN = 60
_FIVE = ", ".join(f"{table.name}.csv" for table in TABLES)


@dataclass(frozen=True, slots=True)
class ExtractFile:
    """One file of an extract, plain or packed with gzip or zstd."""

    table: Table
    path: Path

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.path.name


class _Line(NamedTuple):
    """A physical line: its number, and number and first line of the record it belongs to (all from 1)."""

    number: int
    record: int
    first: int
    content: bytes
    unquoted: list[bytes]
    """The parts of the line outside quotes."""
    open: bool
    """Whether the record goes on: the line ends inside quotes."""


def find_files(folder: Path) -> list[ExtractFile]:
    """The files of the extract in `folder`, in the order in which they load.

    Raises RequestError when there is no folder, none of the five files in it, one of them twice, or another CSV file.
    """
    packed = f"or these with {' or '.join(PACKED)}"
    found: dict[str, Path] = {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise RequestError(
            f"cannot read the folder {folder}: {error.strerror}; name one with {_FIVE}"
        ) from error
    for path in paths:
        name = path.stem if path.suffix in PACKED else path.name
        if not name.lower().endswith(".csv"):
            continue
        if name not in {f"{table.name}.csv" for table in TABLES}:
            raise RequestError(f"{path.name!r} is no file of an extract: allowed are {_FIVE}, {packed}")
        if name in found:
            raise RequestError(f"{found[name].name} and {path.name} are both there: remove one of them")
        found[name] = path
    if not found:
        raise RequestError(f"no extract in {folder}: at least one is needed of {_FIVE}, {packed}")
    return [ExtractFile(table, found[name]) for table in TABLES if (name := f"{table.name}.csv") in found]


def header(file: ExtractFile) -> list[str]:
    """The column names in the order of the file. Raises RequestError unless they are the table's, each once."""
    with _opened(file) as (_, content):
        line = content.readline(_CHUNK_BYTES)
    try:
        found = [name.strip('"') for name in line.decode("utf-8-sig").rstrip("\r\n").split(",")]
    except UnicodeDecodeError:
        raise RequestError(f"{file.name} line 1 is not UTF-8: save the file as UTF-8") from None
    expected = file.table.column_names
    columns = f"the columns are {', '.join(expected)}, in any order"
    for name in found:
        if name not in expected:
            raise RequestError(f"{file.name} line 1: {shown(name)} is no column of it; {columns}")
        if found.count(name) > 1:
            raise RequestError(f"{file.name} line 1: column {name} is there twice; {columns}")
    if missing := [name for name in expected if name not in found]:
        raise RequestError(f"{file.name} line 1: column {missing[0]} is missing; {columns}")
    return found


def chunks(file: ExtractFile) -> Iterator[tuple[bytes, int]]:
    """The content after the header, and how many bytes of the stored file are done. Raises RequestError when unreadable."""
    with _opened(file) as (stored, content):
        content.readline()
        while chunk := content.read(_CHUNK_BYTES):
            yield chunk, stored.tell()


def line_of(file: ExtractFile, record: int) -> int:
    """The line on which a record begins; the header is line 1 and record 1."""
    return next(line.number for line in _lines(file) if line.record == record)


def malformation(file: ExtractFile, width: int) -> tuple[int, str] | None:
    """The first line that breaks the form of a CSV of `width` columns, and how; None when none does."""
    fields, first, still_open = 0, 1, False
    for line in _lines(file):
        if b"\0" in line.content:
            return line.number, "holds a NUL byte: remove it"
        try:
            line.content.decode()
        except UnicodeDecodeError as error:
            wrong = line.content[error.start : error.start + 1].hex()
            return line.number, f"is not UTF-8 (byte 0x{wrong}): save the file as UTF-8"
        fields = 1 if line.number == line.first else fields
        fields += sum(part.count(b",") for part in line.unquoted)
        if fields != width and not line.open:
            return line.first, f"has {fields} fields where the header has {width}: give each column its field"
        first, still_open = line.first, line.open
    return (first, "opens a quote that is never closed: close or double it") if still_open else None


def shown(value: str) -> str:
    """A value as a message shows it: quoted, on one line, not too long."""
    return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")


@contextmanager
def _opened(file: ExtractFile) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file as stored, and its content."""
    try:
        with file.path.open("rb") as stored:
            unpacked = PACKED.get(file.path.suffix)
            yield stored, unpacked(stored) if unpacked else stored
    except NotWhole as error:
        raise RequestError(
            f"{file.name} is no whole {file.path.suffix} file ({error}): make it again"
        ) from error
    except OSError as error:
        raise RequestError(f"cannot read {file.name}: {error.strerror}") from error


def _lines(file: ExtractFile) -> Iterator[_Line]:
    record, first, quoted = 0, 0, False
    with _opened(file) as (_, content):
        for number, line in enumerate(content, 1):
            if not quoted:
                record, first = record + 1, number
            parts = line.split(b'"')
            unquoted = parts[quoted::2]
            quoted ^= len(parts) % 2 == 0
            yield _Line(number, record, first, line, unquoted, quoted)
