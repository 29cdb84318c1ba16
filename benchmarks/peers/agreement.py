"""The comparison of the cells of the product and of a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.cells import QUANTITIES, PeerReport

if TYPE_CHECKING:
    from benchmarks.product import ReportTable

CENT = 0.011
"""The allowed difference of amounts: the product rounds to cents, and peers convert with floats."""


def product_report(table: ReportTable, *, by_package: bool) -> PeerReport:
    """Return the table of the product in the form of the peers.

    `by_package` is true if the question groups by package.
    """
    labels = tuple(block.package or "" for block in table.blocks)
    cells = [
        [[np.nan if cell is None else float(cell) for cell in row] for row in block.cells]
        for block in table.blocks
    ]
    values = np.array(cells, dtype=np.float64).reshape(len(table.blocks), 21, len(table.columns))
    if by_package and not table.by_package:
        # Without a time group each package is a column of the only block.
        return PeerReport(tuple(table.columns), values.transpose(2, 1, 0))
    return PeerReport(labels, values)


def difference(product: PeerReport, peer: PeerReport) -> str:
    """Return the first difference in words, or an empty text."""
    if product.labels != peer.labels:
        return f"groups {product.labels[:5]} and {peer.labels[:5]}"
    if product.cells.shape != peer.cells.shape:
        return f"groups, rows and periods {product.cells.shape} and {peer.cells.shape}"
    allowed = np.full(product.cells.shape, CENT)
    allowed[:, QUANTITIES] = 0
    with np.errstate(invalid="ignore"):
        near = np.abs(product.cells - peer.cells) <= allowed
    same = near | (np.isnan(product.cells) & np.isnan(peer.cells))
    if same.all():
        return ""
    group, row, period = (int(index) for index in np.argwhere(~same)[0])
    values = product.cells[group, row, period], peer.cells[group, row, period]
    return f"{np.count_nonzero(~same)} cells; group {group}, row {row}, period {period}: {values[0]} and {values[1]}"
