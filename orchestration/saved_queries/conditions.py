"""Thresholds of `send_if`: a limit on one row of the report, in words, and whether a table exceeds it.

It is about the numbers as they stand in the table, signs included: money charged is negative, so that more of it is
a fall.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal

from orchestration.reporting.table import METRICS, Block, Cell, ReportTable

_FORM = re.compile(
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
    """A limit on one row: `falls` or `rises` by more than `number` (or per cent), is `below` or `above` it.

    `number` is in the row's unit: clients, or money in the report's currency.
    """

    row: str
    """`Section / Metric`, as in the report."""
    comparison: Comparison
    number: Decimal
    percent: bool = False

    @property
    def compares_periods(self) -> bool:
        """Whether it takes two periods to say: the query then needs a time group."""
        return self.comparison in ("falls", "rises")

    def __str__(self) -> str:
        if self.compares_periods:
            return f'"{self.row}" {self.comparison} by more than {self.number}{" %" if self.percent else ""}'
        return f'"{self.row}" is {self.comparison} {self.number}'

    def exceeded(self, before: Cell, last: Cell) -> bool:
        """Whether the last cell passes the limit. N/A passes none; `before` counts for falls and rises only.

        A percentage is of the size of `before`, whatever its sign: from -100 to -120 falls by 20 %. Of nothing
        any change is more than every percentage.
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
    """The threshold that a line of `send_if` says. Raises ValueError, with what is near for an unknown row."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no threshold: write it like {_EXAMPLES}")
    row = " / ".join(" ".join(found[part].split()) for part in ("section", "metric"))
    if row not in _ROWS:
        near = get_close_matches(row, _ROWS, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "name a row as the report does"
        raise ValueError(f"unknown row {row!r}: {hint}")
    if found["change"]:
        change: Comparison = "falls" if found["change"] == "falls" else "rises"
        return Threshold(row, change, Decimal(found["by"]), percent=bool(found["percent"]))
    return Threshold(row, "below" if found["side"] == "below" else "above", Decimal(found["bound"]))


def exceeds(table: ReportTable, threshold: Threshold, *, by_period: bool) -> bool:
    """Whether the threshold is exceeded in any block of the table.

    With periods as columns it is about the last period that is known, against the one before it; that period may
    be clipped by `as_of`. With packages as columns (or one, `Total`) it is about each column, and none falls or rises.
    """
    return any(_exceeds(block, threshold, by_period=by_period) for block in table.blocks)


def _exceeds(block: Block, threshold: Threshold, *, by_period: bool) -> bool:
    cells = block.row(*threshold.row.split(" / "))
    if not by_period:
        return not threshold.compares_periods and any(threshold.exceeded(None, cell) for cell in cells)
    # A period that is not known has no quantity either, and every other has one (spec 3, 5).
    clients = block.row("Clients - All", "Qty")
    known = [cell for cell, quantity in zip(cells, clients, strict=True) if quantity is not None]
    before, last = [None, None, *known][-2:]
    return threshold.exceeded(before, last)
