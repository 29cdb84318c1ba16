"""Memory of large files: what is freed goes back to the system."""

import ctypes
from functools import cache

_M_MMAP_THRESHOLD = -3
_LARGE = 1024 * 1024


@cache
def give_back_large_blocks() -> None:
    """Has the C library return a freed block of a megabyte or more to the system at once, from now on.

    glibc keeps what is smaller than the largest block that was ever freed, up to 32 MB, and files of different sizes
    fill each other's gaps badly: of a report kept in all formats, 50 MB. Does nothing on other C libraries.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
