"""From sums by currency to the cells of a block: spec 5's rows, N/A included."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from orchestration.reporting.money import Converter, rounded
from orchestration.reporting.table import METRICS, Cell


class CohortRow(NamedTuple):
    """One cohort at one known period's end, clients of one currency."""

    group_number: int
    cohort: str
    currency: str
    period: int
    created_clients: int
    clients: int
    positive_clients: int
    positive_balance: Decimal
    negative_clients: int
    negative_balance: Decimal


class FlowRow(NamedTuple):
    """The transactions of one kind, currency and UTC date in one known period."""

    group_number: int
    period: int
    kind: str
    currency: str
    utc_date: date
    quantity: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Conversions:
    """What turns rows into cells: the rates, each known period's closing date, how many periods there are in all."""

    rates: Converter
    closing_dates: Sequence[date]
    periods: int


@dataclass(slots=True)
class _Sum:
    """A sum that knows whether anything was in it: nothing is N/A, zeros are 0.00 (spec 5)."""

    quantity: int = 0
    total: Fraction = field(default_factory=Fraction)

    def add(self, quantity: int, amount: Fraction) -> None:
        self.quantity += quantity
        self.total += amount

    def money(self) -> Decimal | None:
        return rounded(self.total) if self.quantity else None

    def average(self, over: int) -> Decimal | None:
        return rounded(self.total / over) if self.quantity and over else None


_Sums = defaultdict[tuple[str, str, int], _Sum]


def block_cells(
    conversions: Conversions, cohorts: Iterable[CohortRow], flows: Iterable[FlowRow]
) -> tuple[tuple[Cell, ...], ...]:
    """The 21 rows of one group, a cell a period; periods that are not known have N/A in every row (spec 3)."""
    sums: _Sums = defaultdict(_Sum)
    for row in cohorts:
        _add_cohort(sums, conversions, row)
    for flow in flows:
        amount = conversions.rates.convert(flow.amount, flow.currency, flow.utc_date)
        sums["flow", flow.kind, flow.period].add(int(flow.quantity), amount)
    columns = [_column(sums, period) for period in range(1, len(conversions.closing_dates) + 1)]
    unknown: tuple[Cell, ...] = (None,) * len(METRICS)
    columns += [unknown] * (conversions.periods - len(columns))
    return tuple(zip(*columns, strict=True))


def _add_cohort(sums: _Sums, conversions: Conversions, row: CohortRow) -> None:
    if not row.clients:
        return

    def add(name: str, clients: int, balance: Decimal) -> None:
        converted = conversions.rates.convert(
            balance, row.currency, conversions.closing_dates[row.period - 1]
        )
        sums[row.cohort, name, row.period].add(int(clients), converted)

    sums[row.cohort, "Qty", row.period].add(int(row.created_clients), Fraction())
    add("Balance Pos", row.positive_clients, row.positive_balance)
    add("Balance Neg", row.negative_clients, row.negative_balance)
    add("Balance", row.clients, row.positive_balance + row.negative_balance)


def _column(sums: _Sums, period: int) -> tuple[Cell, ...]:
    """One period's cells in the order of METRICS."""
    cells: list[Cell] = []
    for cohort in ("Clients - Active", "Clients - Overall Active", "Clients - All"):
        cells.append(sums[cohort, "Qty", period].quantity)
        cells += [sums[cohort, name, period].money() for name in ("Balance Pos", "Balance Neg", "Balance")]
    refill, usage, activation, renewal = (
        sums["flow", kind, period] for kind in ("refill", "usage", "package_activation", "package_renewal")
    )
    active = sums["Clients - Active", "Qty", period].quantity
    cells += [refill.quantity, refill.money(), refill.average(refill.quantity)]
    cells += [usage.money(), usage.average(active)]
    cells += [activation.quantity, activation.money(), renewal.quantity, renewal.money()]
    return tuple(cells)
