"""The limit on sign-in attempts."""

from orchestration.web.rate_limit import RateLimit


class SignInLimit:
    """Limits the attempts of one client, and the attempts for one user name from all clients."""

    def __init__(self) -> None:
        self._by_client = RateLimit(burst=10, refill_seconds=10)
        self._by_name = RateLimit(burst=20, refill_seconds=60)

    def take(self, client_key: str, name: str) -> int:
        """Take one attempt. Return 0, or how many seconds to wait for an attempt."""
        return self._by_client.take(client_key) or self._by_name.take(name.lower())

    def give_back(self, client_key: str, name: str) -> None:
        """Return the attempt after a successful sign-in, so that it does not count."""
        self._by_client.give_back(client_key)
        self._by_name.give_back(name.lower())
