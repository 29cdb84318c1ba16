"""Exact arithmetic on arrays: sums of quotients, rounded once to whole hundredths.

Numbers are integers: 64-bit ones where no sum or product of them can be too large, and Python's in arrays
of objects otherwise. Nothing is rounded before the end.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_SCALE = 10**20
"""Quotients are first computed to 20 decimals: a sum of them is then known but for its last digits."""

_INT64 = 2**60
"""Sums below this stay within 64 bits when they are doubled to be rounded."""

Numbers = NDArray[Any]
"""Whole numbers: an array of int64, or of Python integers."""


def whole_numbers(column: pa.ChunkedArray) -> Numbers:
    """Return a column of decimals with six places, or of integers, as whole numbers (millionths).

    The array is of int64 where every value fits, and of Python integers otherwise.
    """
    import pyarrow as pa

    merged = column.combine_chunks()
    if isinstance(merged, pa.ChunkedArray):
        merged = pa.concat_arrays(merged.chunks) if merged.num_chunks else pa.array([], merged.type)
    if not pa.types.is_decimal(merged.type):
        plain: Numbers = merged.to_numpy(zero_copy_only=False).astype(np.int64)
        return plain
    limbs: Numbers = np.frombuffer(merged.buffers()[1], np.int64)[2 * merged.offset :][: 2 * len(merged)]
    low, high = limbs[0::2], limbs[1::2]
    if np.array_equal(high, low >> 63) and (not len(low) or np.abs(low).max() < _INT64):
        return low.copy()
    wide: Numbers = low.astype(np.uint64).astype(object) + high.astype(object) * 2**64
    return wide


def summable(values: Numbers) -> Numbers:
    """Return the array so that its values can be added in any way: in 64 bits where all sums of them fit."""
    fits = values.dtype != object and float(np.abs(values.astype(np.float64)).sum()) < _INT64
    return values if fits else values.astype(object)


def narrowed(values: Numbers) -> Numbers:
    """Return Python integers as an array of int64 where all of them fit."""
    if not values.size or int(abs(values).max()) < _INT64:
        return values.astype(np.int64)
    return values


def products(values: Numbers, factors: Numbers | int) -> Numbers:
    """Return the products of two arrays that broadcast, in 64 bits where sums of them fit."""
    factors = np.asarray(factors)
    if object not in (values.dtype, factors.dtype) and values.size and factors.size:
        largest = float(np.abs(values).max()) * float(np.abs(factors).max())
        if largest * max(values.size, factors.size) < _INT64:
            return values * factors
    wide: Numbers = values.astype(object) * factors
    return wide


def in_common_units(values: Numbers, most: int) -> tuple[Numbers, int]:
    """Return the values divided by a common divisor of theirs and of `most`, and the divisor."""
    if values.dtype == object or not values.size:
        return values, 1
    unit = int(np.gcd(np.gcd.reduce(values, axis=None), most))
    return values // unit, unit


def rounded_quotients(numerators: Numbers, denominators: Numbers | int) -> Numbers:
    """Return numerator / denominator to the nearest integer, halves away from zero.

    Denominators are positive.
    """
    if numerators.dtype == object:
        return _rounded_wide(numerators, denominators)
    size = np.abs(numerators)
    rounded: Numbers = (2 * size + denominators) // (2 * denominators)
    return np.where(numerators < 0, -rounded, rounded)


def _rounded_wide(numerators: Numbers, denominators: Numbers | int) -> Numbers:
    """Return the rounded quotients of Python integers. Most sums of a large report are zero."""
    places = numerators != 0
    chosen = numerators[places]
    by = np.broadcast_to(denominators, numerators.shape)[places]
    size = abs(chosen)
    quotients = (2 * size + by) // (2 * by)
    signed = narrowed(np.where(chosen < 0, -quotients, quotients))
    rounded = np.zeros(numerators.shape, signed.dtype)
    rounded[places] = signed
    return rounded


class QuotientSums:
    """Sums of quotients by row and cell, exact until they are rounded.

    `numerators` has a row of quotients for each row of sums. Every column of it has a denominator and
    belongs to a cell. Quotients of one denominator are summed exactly. Those of several are summed to 20
    decimals, and exactly as fractions where that does not decide the rounding.
    """

    def __init__(self, numerators: Numbers, denominators: Numbers, cells: Numbers, count: int) -> None:
        self._numerators = numerators
        self._denominators = denominators
        self._cells = cells
        self._is_exact = len(denominators) == 0 or bool(np.all(denominators == denominators[0]))
        self._scale = 1
        shape = (len(numerators), count)
        if self._is_exact:
            self._scale = int(denominators[0]) if len(denominators) else 1
            self._low = np.zeros(shape, numerators.dtype)
            np.add.at(self._low.T, cells, numerators.T)
            return
        self._scale = _SCALE
        row, column = np.nonzero(numerators)
        self._low = np.zeros(shape, object)
        floors = numerators[row, column].astype(object) * _SCALE // denominators[column]
        np.add.at(self._low, (row, cells[column]), floors)
        self._terms = np.zeros(shape, np.int64)
        np.add.at(self._terms, (row, cells[column]), 1)

    def rounded(self, rows: slice, divisors: Numbers | int) -> Numbers:
        """Return some rows of the sums divided by `divisors`, to the nearest integer."""
        low = self._low[rows]
        if self._scale == 1:
            return rounded_quotients(low, divisors)
        wide = np.broadcast_to(divisors, low.shape).astype(object)
        rounded = rounded_quotients(low.astype(object), wide * self._scale)
        if not self._is_exact:
            highest = rounded_quotients(low + self._terms[rows], wide * self._scale)
            if np.any(rounded != highest):
                rounded = rounded.astype(object)
            numerators = self._numerators[rows]
            for row, cell in zip(*np.nonzero(rounded != highest), strict=True):
                own = self._cells == cell
                terms = map(Fraction, map(int, numerators[row, own]), map(int, self._denominators[own]))
                total = sum(terms, Fraction()) / wide[row, cell]
                whole = (abs(total) + Fraction(1, 2)).__floor__()
                rounded[row, cell] = whole if total > 0 else -whole
        return rounded
