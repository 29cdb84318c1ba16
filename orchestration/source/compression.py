"""Compressed files of an extract, read as a stream: gzip and zstd."""

import gzip
import io
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, cast

_READ_BYTES = 1 << 14
"""Compressed bytes per read. Few, because zstd returns all of their content at once."""


class DamagedFile(Exception):
    """The compressed file is damaged or incomplete."""


class _DecompressedStream(io.RawIOBase):
    """The content of a compressed file. `read_next` returns the next bytes, and b"" at the end."""

    def __init__(self, read_next: Callable[[], bytes]) -> None:
        self._read_next, self._rest = read_next, memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes into the buffer and return their number, 0 at the end. Raise DamagedFile."""
        if not self._rest:
            self._rest = memoryview(self._read_next())
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _read_gzip(compressed: BinaryIO) -> Callable[[], bytes]:
    file = gzip.GzipFile(fileobj=compressed)

    def read_next() -> bytes:
        try:
            return file.read1()
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DamagedFile(str(error)) from error

    return read_next


def _read_zstd(compressed: BinaryIO) -> Callable[[], bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    frame, pending = decompressor.decompressobj(), b""
    is_inside_frame = False

    def read_next() -> bytes:
        nonlocal frame, pending, is_inside_frame
        while pending := pending or compressed.read(_READ_BYTES):
            try:
                content = frame.decompress(pending)
            except zstandard.ZstdError as error:
                raise DamagedFile(str(error)) from error
            is_inside_frame, pending = not frame.eof, frame.unused_data
            if not is_inside_frame:  # a file can have several frames
                frame = decompressor.decompressobj()
            if content:
                return content
        if is_inside_frame:
            raise DamagedFile("it is incomplete")
        return b""

    return read_next


def _make_opener(reader: Callable[[BinaryIO], Callable[[], bytes]]) -> Callable[[BinaryIO], BinaryIO]:
    return lambda compressed: cast(
        "BinaryIO", io.BufferedReader(_DecompressedStream(reader(compressed)), 1 << 20)
    )


DECOMPRESSORS: Mapping[str, Callable[[BinaryIO], BinaryIO]] = MappingProxyType(
    {".gz": _make_opener(_read_gzip), ".zst": _make_opener(_read_zstd)}
)
"""Functions that open the content of a compressed file, by suffix. Reading raises DamagedFile."""
