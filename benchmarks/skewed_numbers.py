"""Random integers that are the same on every machine and with every numpy.

Only the raw stream of the bit generator is used, because numpy promises to keep it. Distributions
are tables of integers. No floating point reaches the data.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

_STEPS = 4096
_TABLE_SIZE = 1 << 16


class RandomIntegers:
    """A stream of random integers with a seed."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def below(self, bound: int | Ints, count: int) -> Ints:
        """Return integers from 0 to `bound` - 1; a bound is at most 2^31."""
        numbers = np.asarray(self._bits.random_raw(count) >> np.uint64(32), dtype=np.int64)
        return (numbers * bound) >> 32

    def chance(self, one_in: int, count: int) -> npt.NDArray[np.bool_]:
        """Return flags; on average one in `one_in` is true."""
        flags: npt.NDArray[np.bool_] = self.below(one_in, count) == 0
        return flags

    def pick(self, weights: Sequence[float], count: int) -> Ints:
        """Return indexes into `weights`, each as often as its weight says."""
        return _index_table(weights)[self.below(_TABLE_SIZE, count)]

    def lognormal(self, sigma: float, count: int, median: int = 1000) -> Ints:
        """Return positive integers with a lognormal distribution."""
        return lognormal_table(sigma, median)[self.below(_STEPS, count)]


def lognormal_table(sigma: float, median: int) -> Ints:
    """Return the quantiles of a lognormal distribution as integers, at least 1."""
    normal = NormalDist(0, sigma)
    quantiles = (normal.inv_cdf((step + 0.5) / _STEPS) for step in range(_STEPS))
    return np.array([max(1, round(median * math.exp(value))) for value in quantiles], dtype=np.int64)


def zipf(count: int, exponent: float = 1.0) -> list[float]:
    """Return the weights of `count` ranks: the first is the most frequent."""
    return [1 / (rank + 1) ** exponent for rank in range(count)]


def _index_table(weights: Sequence[float]) -> Ints:
    """Return a table in which each index occurs in proportion to its weight."""
    total = math.fsum(weights)
    ends, reached = [], 0.0
    for weight in weights:
        reached += weight
        ends.append(round(reached / total * _TABLE_SIZE))
    boundaries = np.array([0, *ends], dtype=np.int64)
    counts = boundaries[1:] - boundaries[:-1]
    return np.repeat(np.arange(len(weights), dtype=np.int64), counts)
