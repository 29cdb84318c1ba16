"""From sums to the cells of a block: spec 5's rows, N/A included."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from orchestration.reporting.money import MissingRate, in_report_currency, rounded
from orchestration.reporting.table import METRICS, Cell


class SumRow(NamedTuple):
    """What one item of a report (a cohort's row, a kind of transaction) comes to in one group and known period.

    There can be several rows of one item, with a `report_rate` each: their sum counts.
    """

    group_number: int
    period: int
    item: str
    quantity: int
    own_amount: Decimal
    base_amount: Decimal
    report_rate: Decimal | None
    missing_currency: str | None
    missing_date: date | None


def require_rates(rows: Iterable[SumRow]) -> None:
    """Raises MissingRate with the first date that lacks a rate, and its currency."""
    missing = [
        (row.missing_date, row.missing_currency) for row in rows if row.missing_date and row.missing_currency
    ]
    if missing:
        day, currency = min(missing)
        raise MissingRate(currency, day)


@dataclass(slots=True)
class _Sum:
    """A sum that knows whether anything was in it: nothing is N/A, zeros are 0.00 (spec 5)."""

    quantity: int = 0
    total: Fraction = field(default_factory=Fraction)

    def add(self, row: SumRow) -> None:
        self.quantity += int(row.quantity)
        self.total += in_report_currency(row.own_amount, row.base_amount, row.report_rate)

    def money(self) -> Decimal | None:
        return rounded(self.total) if self.quantity else None

    def average(self, over: int) -> Decimal | None:
        return rounded(self.total / over) if self.quantity and over else None


def block_cells(rows: Iterable[SumRow], known: int, periods: int) -> tuple[tuple[Cell, ...], ...]:
    """The 21 rows of one group, a cell a period; those after the `known` periods have N/A in every row (spec 3)."""
    sums: list[defaultdict[str, _Sum]] = [defaultdict(_Sum) for _ in range(known)]
    for row in rows:
        sums[row.period - 1][row.item].add(row)
    unknown: tuple[Cell, ...] = (None,) * len(METRICS)
    return tuple(zip(*map(_column, sums), *[unknown] * (periods - known), strict=True))


def _column(sums: defaultdict[str, _Sum]) -> tuple[Cell, ...]:
    """One period's cells in the order of METRICS."""
    cells: list[Cell] = []
    for cohort in ("Clients - Active", "Clients - Overall Active", "Clients - All"):
        cells.append(sums[f"{cohort} / Qty"].quantity)
        cells += [sums[f"{cohort} / {name}"].money() for name in ("Balance Pos", "Balance Neg", "Balance")]
    refill, usage = sums["refill"], sums["usage"]
    activation, renewal = sums["package_activation"], sums["package_renewal"]
    cells += [refill.quantity, refill.money(), refill.average(refill.quantity)]
    cells += [usage.money(), usage.average(sums["Clients - Active / Qty"].quantity)]
    cells += [activation.quantity, activation.money(), renewal.quantity, renewal.money()]
    return tuple(cells)
