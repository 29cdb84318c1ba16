"""Packed files of an extract, read as a stream: gzip and zstd."""

import gzip
import io
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, cast

_PIECE = 1 << 14
"""Bytes read at a time: zstd hands over at once all that they hold, of CSV ten times as much."""


class NotWhole(Exception):
    """The packed file is damaged or has no end."""


class _Unpacked(io.RawIOBase):
    """The content of a packed file, of which `unpack` gives the next piece, and nothing at its end."""

    def __init__(self, unpack: Callable[[], bytes]) -> None:
        self._unpack, self._left = unpack, memoryview(b"")

    def readable(self) -> bool:
        """It is all that it can do."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer as far as the piece at hand goes; 0 at the end. Raises NotWhole."""
        if not self._left:
            self._left = memoryview(self._unpack())
        into = memoryview(buffer).cast("B")
        size = min(len(into), len(self._left))
        into[:size], self._left = self._left[:size], self._left[size:]
        return size


def _gzip(stored: BinaryIO) -> Callable[[], bytes]:
    file = gzip.GzipFile(fileobj=stored)

    def unpack() -> bytes:
        try:
            return file.read1()
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise NotWhole(str(error)) from error

    return unpack


def _zstd(stored: BinaryIO) -> Callable[[], bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    frame, packed = decompressor.decompressobj(), b""
    within = False

    def unpack() -> bytes:
        nonlocal frame, packed, within
        while packed := packed or stored.read(_PIECE):
            try:
                content = frame.decompress(packed)
            except zstandard.ZstdError as error:
                raise NotWhole(str(error)) from error
            within, packed = not frame.eof, frame.unused_data
            if not within:  # one frame may follow another
                frame = decompressor.decompressobj()
            if content:
                return content
        if within:
            raise NotWhole("it ends before its content does")
        return b""

    return unpack


def _stream(unpacker: Callable[[BinaryIO], Callable[[], bytes]]) -> Callable[[BinaryIO], BinaryIO]:
    return lambda stored: cast("BinaryIO", io.BufferedReader(_Unpacked(unpacker(stored)), 1 << 20))


PACKED: Mapping[str, Callable[[BinaryIO], BinaryIO]] = MappingProxyType(
    {".gz": _stream(_gzip), ".zst": _stream(_zstd)}
)
"""What makes a stored file's content of it, by the end of its name. Reading that raises NotWhole."""
