"""Exact arithmetic on arrays: sums of quotients, rounded once to whole hundredths.

Numbers are Python integers in numpy arrays of objects: no sum of amounts, and no product of one with
a rate, is ever too large or rounded.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_SCALE = 10**40
"""Quotients are first computed to 40 decimals: a sum of them is then known but for its last digits."""

_INT64 = 2**62

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


def fits(values: Numbers) -> bool:
    """Return True if sums over the whole array stay within 64 bits."""
    return values.dtype != object and float(np.abs(values.astype(np.float64)).sum()) < _INT64


def summable(values: Numbers) -> Numbers:
    """Return the array so that its values can be added in any way."""
    return values if fits(values) else values.astype(object)


def rounded_quotients(numerators: Numbers, denominators: Numbers | int) -> Numbers:
    """Return numerator / denominator to the nearest integer, halves away from zero.

    Denominators are positive.
    """
    size = abs(numerators)
    rounded = (2 * size + denominators) // (2 * denominators)
    return np.where(numerators < 0, -rounded, rounded)


def rounded_sums(
    places: Numbers,
    numerators: Numbers,
    denominators: Numbers,
    divisors: Numbers,
) -> Numbers:
    """Return, for each place, the sum of its quotients divided by its divisor, to the nearest integer.

    `places` numbers the cell of each quotient. Quotients of one denominator are summed exactly. Those
    of several are summed to 40 decimals, and exactly as fractions where that does not decide the
    rounding.
    """
    count = len(divisors)
    if not len(places):
        return np.zeros(count, np.int64)
    same = denominators[0]
    if np.all(denominators == same):
        numerators = summable(numerators)
        sums = np.zeros(count, numerators.dtype)
        np.add.at(sums, places, numerators)
        return rounded_quotients(sums, divisors if same == 1 else divisors.astype(object) * int(same))
    low = np.zeros(count, object)
    np.add.at(low, places, numerators.astype(object) * _SCALE // denominators)
    terms = np.bincount(places, minlength=count).astype(object)
    scaled = divisors.astype(object) * _SCALE
    rounded = rounded_quotients(low, scaled)
    for place in np.flatnonzero(rounded != rounded_quotients(low + terms, scaled)):
        chosen = places == place
        total = sum(map(Fraction, numerators[chosen], denominators[chosen]), Fraction()) / int(
            divisors[place]
        )
        whole = (abs(total) + Fraction(1, 2)).__floor__()
        rounded[place] = whole if total > 0 else -whole
    return rounded
