"""A rate limit for each client: a token bucket that refills with time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock

from starlette.requests import Request


class RateLimit:
    """Allow each key `burst` attempts at once, and one more attempt every `refill_seconds`.

    The limit remembers the `max_keys` keys that were used last.
    """

    def __init__(
        self,
        *,
        burst: int,
        refill_seconds: float,
        max_keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._refill_seconds = burst, refill_seconds
        self._max_keys, self._clock = max_keys, clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many keys the limit remembers."""
        return len(self._full_at)

    def take(self, key: str) -> int:
        """Take one attempt. Return 0, or how many seconds the key must wait for an attempt."""
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(key, now), now) + self._refill_seconds
            wait = full_at - now - self._burst * self._refill_seconds
            if wait > 0:
                return ceil(wait)
            self._full_at[key] = full_at
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._max_keys:
                self._full_at.popitem(last=False)
            return 0

    def give_back(self, key: str) -> None:
        """Return an attempt that does not count."""
        with self._lock:
            if key in self._full_at:
                self._full_at[key] -= self._refill_seconds


def find_rate_limit_key(request: Request) -> str:
    """Return the client's address.

    Clients in one IPv6 /64 network share a key, as households do.
    """
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else host
