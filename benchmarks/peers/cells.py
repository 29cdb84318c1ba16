"""The 21 rows of each group, from its sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.edges import ACTIVE, ALL, CREATED, MEMBERS, NEGATIVE, OVERALL, POSITIVE
from benchmarks.peers.flows import ACTIVATION, REFILL, RENEWAL, USAGE

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.peers.peer_query import PeerQuery

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

QUANTITIES = (0, 4, 8, 12, 17, 19)
"""The numbers of the rows that are quantities."""


@dataclass(frozen=True, slots=True)
class PeerReport:
    """The groups of a report and their cells [group, row, period]; NaN is N/A."""

    labels: tuple[str, ...]
    cells: Floats


def make_report(
    query: PeerQuery, cohorts: Ints, flows: tuple[Floats, Floats], closing_rates: Floats, visible: list[int]
) -> PeerReport:
    """Convert the balances, divide, and leave out the groups without a client.

    `cohorts` are millionths [group, cohort, measure, currency, period]. `closing_rates` are
    [currency, period].
    """
    quantities, values = flows
    rows: list[Floats] = []
    sums = cohorts[visible]
    for cohort in (ACTIVE, OVERALL, ALL):
        counted = sums[:, cohort]
        created = counted[:, CREATED].sum(axis=1)
        money = (counted[:, POSITIVE : NEGATIVE + 1] / 1e6 * closing_rates).sum(axis=2)
        positive, negative = money[:, 0], money[:, 1]
        rows.append(created.astype(np.float64))
        rows.append(_set_missing(positive, ~np.asarray(counted[:, POSITIVE].any(axis=1))))
        rows.append(_set_missing(negative, ~np.asarray(counted[:, NEGATIVE].any(axis=1))))
        rows.append(_set_missing(positive + negative, counted[:, MEMBERS].sum(axis=1) == 0))
    count, total = quantities[visible], values[visible]
    amounts = _set_missing(total, count == 0)
    rows += [count[:, REFILL], amounts[:, REFILL], amounts[:, REFILL] / np.maximum(count[:, REFILL], 1)]
    rows += [amounts[:, USAGE], _set_missing(amounts[:, USAGE] / np.maximum(rows[0], 1), rows[0] == 0)]
    for kind in (ACTIVATION, RENEWAL):
        rows += [count[:, kind], amounts[:, kind]]
    cells = np.stack(rows, axis=1)
    unknown = np.full((*cells.shape[:2], query.periods.unknown), np.nan)
    return PeerReport(
        tuple(query.labels[group_number] for group_number in visible),
        np.concatenate([cells, unknown], axis=2),
    )


def _set_missing(values: Floats, missing: npt.NDArray[np.bool_]) -> Floats:
    """Return the values with N/A where they are missing."""
    return np.where(missing, np.nan, values)
