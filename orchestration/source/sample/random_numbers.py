"""Repeatable random numbers."""

from random import Random


class RandomNumbers(Random):
    """A random generator. Each client has its own, so one client does not shift another."""

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to below `high`. This is faster than `randrange`."""
        return low + int(self.random() * (high - low))

    def chance(self, percent: float) -> bool:
        """Return True with the probability `percent`."""
        return self.random() * 100 < percent
