"""Thresholds of `send_if`: limits on one row of the report.

A threshold compares the numbers of the table with their signs. Charges are negative, so higher
charges are a fall.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal

from orchestration.domain import Cohort
from orchestration.reporting.table import METRICS, Block, Cell, ReportTable

_PATTERN = re.compile(
    r"""\s*(?P<quote>["']?)(?P<section>[^/"']+)/(?P<metric>[^/"']+?)(?P=quote)\s+"""
    r"""(?:(?P<change>falls|rises)\s+by\s+more\s+than\s+(?P<by>\d+(?:\.\d+)?)\s*(?P<percent>%?)"""
    r"""|is\s+(?P<side>below|above)\s+(?P<bound>[+-]?\d+(?:\.\d+)?))\s*"""
)
_EXAMPLES = (
    "'\"Clients - Active / Qty\" falls by more than 10 %' or '\"Clients - All / Balance Neg\" is below -5000'"
)
_ROWS = {f"{metric.section} / {metric.name}": metric for metric in METRICS}

Comparison = Literal["falls", "rises", "below", "above"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit on one row of the report.

    The row `falls` or `rises` by more than `number` (or per cent), or is `below` or `above` it.
    `number` has the unit of the row: clients, or money in the report currency.
    """

    row: str
    """`Section / Metric`, as in the report."""
    comparison: Comparison
    number: Decimal
    percent: bool = False

    @property
    def compares_periods(self) -> bool:
        """True if the threshold compares two periods, so that the query needs a time group."""
        return self.comparison in ("falls", "rises")

    def __str__(self) -> str:
        if self.compares_periods:
            return f'"{self.row}" {self.comparison} by more than {self.number}{" %" if self.percent else ""}'
        return f'"{self.row}" is {self.comparison} {self.number}'

    def is_exceeded(self, before: Cell, last: Cell) -> bool:
        """Return True if the last cell exceeds the limit. N/A never does.

        Falls and rises also use `before`, the cell of the previous period. A percentage refers to
        the absolute value of `before`: from -100 to -120 is a fall of 20 %. A change from zero
        exceeds every percentage.
        """
        if last is None:
            return False
        if not self.compares_periods:
            return last < self.number if self.comparison == "below" else last > self.number
        if before is None:
            return False
        change = last - before if self.comparison == "rises" else before - last
        limit = abs(Decimal(before)) * self.number / 100 if self.percent else self.number
        return change > limit


def parse_threshold(text: str) -> Threshold:
    """Parse one line of `send_if`. Raise ValueError, which suggests similar rows."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a valid threshold: write it like {_EXAMPLES}")
    row = " / ".join(" ".join(match[part].split()) for part in ("section", "metric"))
    if row not in _ROWS:
        near = get_close_matches(row, _ROWS, n=3, cutoff=0.5)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?" if near else "use the name of a row of the report"
        )
        raise ValueError(f"unknown row {row!r}: {hint}")
    if match["change"]:
        change: Comparison = "falls" if match["change"] == "falls" else "rises"
        return Threshold(row, change, Decimal(match["by"]), percent=bool(match["percent"]))
    return Threshold(row, "below" if match["side"] == "below" else "above", Decimal(match["bound"]))


def is_threshold_exceeded(table: ReportTable, threshold: Threshold, *, by_period: bool) -> bool:
    """Return True if any block of the table exceeds the threshold.

    With periods as columns, the last known period counts, compared with the period before it. The
    last period can be cut short by `as_of`. With other columns (packages, or one `Total`), one
    column is enough, and nothing falls or rises.
    """
    return any(_is_block_exceeded(block, threshold, by_period=by_period) for block in table.blocks)


def _is_block_exceeded(block: Block, threshold: Threshold, *, by_period: bool) -> bool:
    cells = block.row(*threshold.row.split(" / "))
    if not by_period:
        return not threshold.compares_periods and any(threshold.is_exceeded(None, cell) for cell in cells)
    # Every known period has a quantity of clients, and no unknown period has one.
    quantities = block.row(Cohort.ALL.section, "Qty")
    known_cells = [cell for cell, quantity in zip(cells, quantities, strict=True) if quantity is not None]
    before, last = [None, None, *known_cells][-2:]
    return threshold.is_exceeded(before, last)
