"""Memory settings of the C library for processes that write large files."""

import ctypes
from functools import cache

_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 1024 * 1024


@cache
def map_large_blocks() -> None:
    """Make the C library return each freed block of a megabyte or more to the system at once.

    By default glibc raises this limit up to 32 MB. Files of different sizes then fragment its heap,
    and the process keeps memory that it does not use. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
