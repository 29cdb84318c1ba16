"""From sums to the cells of a block: spec 5's rows, N/A included."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from orchestration.reporting.money import EXACT, MissingRate, rounded
from orchestration.reporting.table import METRICS, Cell

FLOWS = frozenset({"refill", "usage", "package_activation", "package_renewal"})
"""The items that are kinds of transactions; the others are cohorts' rows."""

_NOTHING = Decimal(0)


class SumRow(NamedTuple):
    """What one item of a report (a cohort's row, a kind of transaction) comes to in one group and known period.

    There can be several rows of one item, with a `report_rate` each: their sum counts. `amount` is in the report's
    currency; `base_amount` is in the base currency, and `report_rate`, what one unit of the report's is worth in it,
    divides it: as a fraction, because a sum of quotients can meet a half cent exactly that no length of decimals does.
    """

    group_number: int
    period: int
    item: str
    quantity: int
    amount: Decimal
    base_amount: Decimal
    report_rate: Decimal | None
    missing_currency: str | None
    missing_date: date | None


def require_rates(missing: Collection[tuple[date, str]]) -> None:
    """Raises MissingRate with the first date that lacks a rate, and its currency, if there is one."""
    if missing:
        day, currency = min(missing)
        raise MissingRate(currency, day)


@dataclass(slots=True)
class _Sum:
    """A sum that knows whether anything was in it: nothing is N/A, zeros are 0.00 (spec 5)."""

    quantity: int = 0
    amount: Decimal = _NOTHING
    divided: Fraction | None = None
    """What only a division by the report's rate gives."""

    def add(self, row: SumRow) -> None:
        self.quantity += int(row.quantity)
        self.amount = EXACT.add(self.amount, row.amount)
        if row.report_rate is not None:
            self.divided = (self.divided or 0) + Fraction(row.base_amount) / Fraction(row.report_rate)

    def money(self) -> Decimal | None:
        if not self.quantity:
            return None
        return rounded(self.amount) if self.divided is None else rounded(self._total())

    def average(self, over: int) -> Decimal | None:
        return rounded(self._total() / over) if self.quantity and over else None

    def _total(self) -> Fraction:
        return Fraction(self.amount) + (self.divided or 0)


class Sums:
    """What the rows of some groups come to, item by item; no row is kept."""

    def __init__(self, rows: Iterable[SumRow]) -> None:
        self.missing: set[tuple[date, str]] = set()
        """Dates that lack a rate which the rows need, and its currency."""
        self._of: defaultdict[tuple[int, int], defaultdict[str, _Sum]] = defaultdict(
            lambda: defaultdict(_Sum)
        )
        for row in rows:
            self._of[row.group_number, row.period][row.item].add(row)
            if row.missing_date and row.missing_currency:
                self.missing.add((row.missing_date, row.missing_currency))

    def block_cells(self, group: int, known: int, periods: int) -> tuple[tuple[Cell, ...], ...]:
        """The 21 rows of one group, a cell a period; those after the `known` periods have N/A in every row (spec 3)."""
        columns = (_column(self._of[group, period]) for period in range(1, known + 1))
        unknown: tuple[Cell, ...] = (None,) * len(METRICS)
        return tuple(zip(*columns, *[unknown] * (periods - known), strict=True))


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
