"""Chance that repeats itself."""

from random import Random


class Luck(Random):
    """A source of chance of its own for each word it is made with: one client's does not shift another's."""

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to below `high`; three times faster than `randrange`, and millions are needed."""
        return low + int(self.random() * (high - low))

    def happens(self, percent: float) -> bool:
        """True that often."""
        return self.random() * 100 < percent
