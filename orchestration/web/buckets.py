"""Slowing down whoever asks too often: a bucket of tries for each key, that fills up again with time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock

from starlette.requests import Request


class Buckets:
    """At most `size` tries at once for a key, and one more every `seconds`. Remembers the `keys` used last."""

    def __init__(
        self, *, size: int, seconds: float, keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size, self._seconds, self._keys, self._clock = size, seconds, keys, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str) -> int:
        """Takes a try. 0, or how many seconds the key has to wait for one."""
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(key, now), now) + self._seconds
            wait = full_at - now - self._size * self._seconds
            if wait > 0:
                return ceil(wait)
            self._full_at[key] = full_at
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._keys:
                self._full_at.popitem(last=False)
            return 0

    def give_back(self, key: str) -> None:
        """Undoes a `take`: the try was a good one."""
        with self._lock:
            if key in self._full_at:
                self._full_at[key] -= self._seconds


def address(request: Request) -> str:
    """Whose tries a request counts among: its address, of IPv6 the network that one household has."""
    host = request.client.host if request.client else ""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(IPv6Address(int(found) >> 64 << 64)) if isinstance(found, IPv6Address) else host
