"""Exact arithmetic on arrays: sums of quotients, each rounded once to a whole number.

All numbers are integers. Arrays have the type int64 where no sum or product of their values can
overflow, and hold Python integers otherwise.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_SCALE = 10**20
"""Quotients are first computed to 20 decimals. This is exact enough to round almost every sum."""

_INT64_LIMIT = 2**60
"""A sum below this limit stays within 64 bits when rounding doubles it."""

Numbers = NDArray[Any]
"""An array of int64 or of Python integers."""


def to_whole_numbers(column: pa.ChunkedArray) -> Numbers:
    """Return a column of integers, or of decimals with six places as millionths."""
    import pyarrow as pa

    merged = column.combine_chunks()
    if isinstance(merged, pa.ChunkedArray):
        merged = pa.concat_arrays(merged.chunks) if merged.num_chunks else pa.array([], merged.type)
    if not pa.types.is_decimal(merged.type):
        integers: Numbers = merged.to_numpy(zero_copy_only=False).astype(np.int64)
        return integers
    # Arrow stores a decimal as an integer of 128 bits: two words, the low one first.
    words: Numbers = np.frombuffer(merged.buffers()[1], np.int64)[2 * merged.offset :][: 2 * len(merged)]
    low, high = words[0::2], words[1::2]
    if np.array_equal(high, low >> 63) and (not len(low) or np.abs(low).max() < _INT64_LIMIT):
        return low.copy()
    wide: Numbers = low.astype(np.uint64).astype(object) + high.astype(object) * 2**64
    return wide


def make_summable(values: Numbers) -> Numbers:
    """Return the values as int64 if every sum of them fits, and as Python integers otherwise."""
    fits = values.dtype != object and float(np.abs(values.astype(np.float64)).sum()) < _INT64_LIMIT
    return values if fits else values.astype(object)


def narrow(values: Numbers) -> Numbers:
    """Return Python integers as int64 if all of them fit."""
    if not values.size or int(abs(values).max()) < _INT64_LIMIT:
        return values.astype(np.int64)
    return values


def multiply(values: Numbers, factors: Numbers | int) -> Numbers:
    """Return the products of two arrays that broadcast, as int64 if every sum of them fits."""
    factors = np.asarray(factors)
    if object not in (values.dtype, factors.dtype) and values.size and factors.size:
        largest = float(np.abs(values).max()) * float(np.abs(factors).max())
        if largest * max(values.size, factors.size) < _INT64_LIMIT:
            return values * factors
    wide: Numbers = values.astype(object) * factors
    return wide


def reduce_units(values: Numbers, limit: int) -> tuple[Numbers, int]:
    """Return the values divided by the greatest common divisor of all of them and `limit`.

    The second result is the divisor.
    """
    if values.dtype == object or not values.size:
        return values, 1
    unit = int(np.gcd(np.gcd.reduce(values, axis=None), limit))
    return values // unit, unit


def divide_rounded(numerators: Numbers, denominators: Numbers | int) -> Numbers:
    """Return the quotients as whole numbers, rounded half away from zero.

    Denominators are positive.
    """
    if numerators.dtype == object:
        return _divide_wide(numerators, denominators)
    size = np.abs(numerators)
    rounded: Numbers = (2 * size + denominators) // (2 * denominators)
    return np.where(numerators < 0, -rounded, rounded)


def _divide_wide(numerators: Numbers, denominators: Numbers | int) -> Numbers:
    """Return the rounded quotients of Python integers. Zeros are skipped: most sums are zero."""
    is_set = numerators != 0
    selected = numerators[is_set]
    divisors = np.broadcast_to(denominators, numerators.shape)[is_set]
    quotients = (2 * abs(selected) + divisors) // (2 * divisors)
    signed = narrow(np.where(selected < 0, -quotients, quotients))
    rounded = np.zeros(numerators.shape, signed.dtype)
    rounded[is_set] = signed
    return rounded


class QuotientSums:
    """Sums of quotients by row and cell, exact until they are rounded.

    `numerators` has one row for each row of sums. Each of its columns has a denominator and belongs
    to a cell. Sums with a single denominator are computed as integers. Sums with several
    denominators are computed to 20 decimals, and as fractions where these decimals do not decide
    the rounding.
    """

    def __init__(self, numerators: Numbers, denominators: Numbers, cells: Numbers, cell_count: int) -> None:
        self._numerators = numerators
        self._denominators = denominators
        self._cells = cells
        self._is_exact = len(denominators) == 0 or bool(np.all(denominators == denominators[0]))
        self._scale = 1
        shape = (len(numerators), cell_count)
        if self._is_exact:
            self._scale = int(denominators[0]) if len(denominators) else 1
            self._lower = np.zeros(shape, numerators.dtype)
            np.add.at(self._lower.T, cells, numerators.T)
            return
        self._scale = _SCALE
        row, column = np.nonzero(numerators)
        self._lower = np.zeros(shape, object)
        floors = numerators[row, column].astype(object) * _SCALE // denominators[column]
        np.add.at(self._lower, (row, cells[column]), floors)
        # Each term loses less than one unit of the last decimal.
        self._term_count = np.zeros(shape, np.int64)
        np.add.at(self._term_count, (row, cells[column]), 1)

    def round_rows(self, rows: slice, divisors: Numbers | int) -> Numbers:
        """Return some rows of the sums divided by `divisors`, as whole numbers."""
        lower = self._lower[rows]
        if self._scale == 1:
            return divide_rounded(lower, divisors)
        wide_divisors = np.broadcast_to(divisors, lower.shape).astype(object)
        rounded = divide_rounded(lower.astype(object), wide_divisors * self._scale)
        if self._is_exact:
            return rounded
        upper = divide_rounded(lower + self._term_count[rows], wide_divisors * self._scale)
        is_undecided = rounded != upper
        if np.any(is_undecided):
            rounded = rounded.astype(object)
        numerators = self._numerators[rows]
        for row, cell in zip(*np.nonzero(is_undecided), strict=True):
            terms = self._cells == cell
            quotients = map(Fraction, map(int, numerators[row, terms]), map(int, self._denominators[terms]))
            total = sum(quotients, Fraction()) / wide_divisors[row, cell]
            whole = (abs(total) + Fraction(1, 2)).__floor__()
            rounded[row, cell] = whole if total > 0 else -whole
        return rounded
