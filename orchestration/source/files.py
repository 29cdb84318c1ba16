"""The files of an extract: their names, their header, their bytes, and the line of each record.

Postgres reads the CSV. This module finds the end of a record as Postgres does: a quote character
starts or ends quoting, wherever it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from orchestration.errors import RequestError
from orchestration.source.compression import DECOMPRESSORS, DamagedFile
from orchestration.source.contract import TABLES, Table

_CHUNK_BYTES = 1 << 20
_MAX_VALUE_LENGTH = 60
"""The most characters of a value that a message shows."""

_FILE_NAMES = tuple(f"{table.name}.csv" for table in TABLES)


@dataclass(frozen=True, slots=True)
class ExtractFile:
    """One file of an extract, plain or compressed with gzip or zstd."""

    table: Table
    path: Path

    @property
    def name(self) -> str:
        """The name of the file in messages."""
        return self.path.name


class _Line(NamedTuple):
    """A physical line of a file. Numbers begin at 1."""

    number: int
    record: int
    """The number of the record that the line belongs to."""
    first: int
    """The first line of that record."""
    content: bytes
    unquoted: list[bytes]
    """The parts of the line outside quotes."""
    continues: bool
    """True if the line ends inside quotes, so that the record continues on the next line."""


def find_files(folder: Path) -> list[ExtractFile]:
    """Return the files of the extract in `folder`, in the order in which they load.

    Raise RequestError when the folder cannot be read, has no file of an extract, has one of them
    twice, or has another CSV file.
    """
    allowed = f"{', '.join(_FILE_NAMES)}, also compressed as {' or '.join(DECOMPRESSORS)}"
    paths_by_name: dict[str, Path] = {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise RequestError(
            f"cannot read the folder {folder}: {error.strerror}. Name a folder with {allowed}"
        ) from error
    for path in paths:
        name = path.stem if path.suffix in DECOMPRESSORS else path.name
        if not name.lower().endswith(".csv"):
            continue
        if name not in _FILE_NAMES:
            raise RequestError(f"{path.name!r} is not a file of an extract. The files are {allowed}")
        if name in paths_by_name:
            raise RequestError(
                f"the folder has both {paths_by_name[name].name} and {path.name}. Remove one of them"
            )
        paths_by_name[name] = path
    if not paths_by_name:
        raise RequestError(f"the folder {folder} has no extract. It needs at least one of {allowed}")
    return [
        ExtractFile(table, paths_by_name[name])
        for table, name in zip(TABLES, _FILE_NAMES, strict=True)
        if name in paths_by_name
    ]


def read_header(file: ExtractFile) -> list[str]:
    """Return the column names in the order of the file.

    Raise RequestError unless the file has exactly the columns of its table, each of them once.
    """
    with _open(file) as (_, content):
        line = content.readline(_CHUNK_BYTES)
    try:
        names = [name.strip('"') for name in line.decode("utf-8-sig").rstrip("\r\n").split(",")]
    except UnicodeDecodeError:
        raise RequestError(f"{file.name} line 1 is not UTF-8. Save the file as UTF-8") from None
    expected = file.table.column_names
    columns = f"The columns are {', '.join(expected)}, in any order"
    for name in names:
        if name not in expected:
            raise RequestError(f"{file.name} line 1: {abbreviate(name)} is not a column of it. {columns}")
        if names.count(name) > 1:
            raise RequestError(f"{file.name} line 1: column {name} occurs twice. {columns}")
    if missing := [name for name in expected if name not in names]:
        raise RequestError(f"{file.name} line 1: column {missing[0]} is missing. {columns}")
    return names


def read_chunks(file: ExtractFile) -> Iterator[tuple[bytes, int]]:
    """Yield the content after the header in chunks, and the bytes of the stored file read so far.

    Raise RequestError when the file cannot be read.
    """
    with _open(file) as (stored, content):
        content.readline()
        while chunk := content.read(_CHUNK_BYTES):
            yield chunk, stored.tell()


def find_line(file: ExtractFile, record: int) -> int:
    """Return the line on which a record begins. The header is line 1 and record 1."""
    return next(line.number for line in _read_lines(file) if line.record == record)


def find_format_error(file: ExtractFile, width: int) -> tuple[int, str] | None:
    """Return the first line that is not CSV of `width` columns, and the reason; None if all are."""
    fields, first, continues = 0, 1, False
    for line in _read_lines(file):
        if b"\0" in line.content:
            return line.number, "contains a NUL byte. Remove it"
        try:
            line.content.decode()
        except UnicodeDecodeError as error:
            byte = line.content[error.start : error.start + 1].hex()
            return line.number, f"is not UTF-8 (byte 0x{byte}). Save the file as UTF-8"
        fields = 1 if line.number == line.first else fields
        fields += sum(part.count(b",") for part in line.unquoted)
        if fields != width and not line.continues:
            return line.first, f"has {fields} fields, but the header has {width}. Each column needs one field"
        first, continues = line.first, line.continues
    return (first, "opens a quote and never closes it. Close or double it") if continues else None


def abbreviate(value: str) -> str:
    """Return a value as messages show it: quoted, on one line, and not too long."""
    return repr(value if len(value) <= _MAX_VALUE_LENGTH else value[:_MAX_VALUE_LENGTH] + "…")


@contextmanager
def _open(file: ExtractFile) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open the stored file and its decompressed content, which are the same for a plain file."""
    try:
        with file.path.open("rb") as stored:
            decompress = DECOMPRESSORS.get(file.path.suffix)
            yield stored, decompress(stored) if decompress else stored
    except DamagedFile as error:
        raise RequestError(
            f"{file.name} is a damaged or incomplete {file.path.suffix} file ({error}). Create it again"
        ) from error
    except OSError as error:
        raise RequestError(f"cannot read {file.name}: {error.strerror}") from error


def _read_lines(file: ExtractFile) -> Iterator[_Line]:
    record, first, is_quoted = 0, 0, False
    with _open(file) as (_, content):
        for number, line in enumerate(content, 1):
            if not is_quoted:
                record, first = record + 1, number
            parts = line.split(b'"')
            unquoted = parts[is_quoted::2]
            is_quoted ^= len(parts) % 2 == 0
            yield _Line(number, record, first, line, unquoted, is_quoted)
