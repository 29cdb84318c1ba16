"""Drill-down: from a cell of a stored report to the clients behind it, as they were then."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from orchestration.domain import Cohort
from orchestration.errors import RequestError
from orchestration.reporting.money import round_money
from orchestration.reporting.table import Cell, Metric, ReportTable, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import pyarrow as pa
    import pyarrow.compute as pc

_BATCH_ROWS = 1000
"""Rows that become Python objects together, to bound memory."""

_COHORTS = {cohort.section: cohort for cohort in Cohort}


class CellRef(NamedTuple):
    """The position of a cell in a report table: block and column from 0, and the metric."""

    block: int
    metric: Metric
    column: int


class DrilldownClient(NamedTuple):
    """A client behind a cell.

    `balance` is in the client's `currency`. `balance` times `rate` is in the report currency.
    """

    client_id: str
    name: str
    owner: str | None
    created_at: datetime
    last_paid_at: datetime | None
    currency: str
    balance: Decimal
    rate: Fraction

    @property
    def converted(self) -> Decimal:
        """The balance in the report currency, rounded for display only."""
        return round_money(Fraction(self.balance) * self.rate)

    @property
    def rounded_rate(self) -> Decimal:
        """The rate to twelve decimals: a quotient of two rates can have infinitely many."""
        return Decimal(round(self.rate * 10**12)).scaleb(-12)


def has_clients(metric: Metric) -> bool:
    """Return True if the metric belongs to a cohort, so that its cells have a drill-down."""
    return metric.section in _COHORTS


def parse_cell_ref(table: ReportTable, row: str, column: str, block: str = "0") -> CellRef:
    """Return the position of the cell that a link names.

    `row` is `SECTION/METRIC`. `column` and `block` are numbers from 0. Raise RequestError when the
    table has no such cell, and when the cell has no drill-down.
    """
    metric = next((metric for metric in table.metrics if f"{metric.section}/{metric.name}" == row), None)
    if metric is None or not has_clients(metric):
        raise RequestError(
            "this cell has no drill-down: choose a quantity or a balance of"
            " Clients - Active, Overall Active or All"
        )
    if not (_is_index(block, len(table.blocks)) and _is_index(column, len(table.columns))):
        raise RequestError("the report has no such cell: open it from the report's page")
    return CellRef(int(block), metric, int(column))


def _is_index(text: str, count: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < len("100000") and int(text) < count


@dataclass(frozen=True, slots=True)
class Drilldown:
    """The clients behind one cell, the largest absolute balance first, and their total."""

    cell: Cell
    """The value of the cell in the report."""
    total: Cell
    """The sum over the clients, rounded as the cells of the report are."""
    _clients: pa.Table
    _rates: dict[str, Fraction]

    @property
    def is_consistent(self) -> bool:
        """True if the clients add up to the cell. This must always hold."""
        return self.cell == self.total

    def __len__(self) -> int:
        return int(self._clients.num_rows)

    def filter_by_name(self, text: str) -> Drilldown:
        """Return the clients with `text` in their name or id, in any case.

        The cell and the total stay those of all clients.
        """
        import pyarrow.compute as pc

        matches = [
            pc.match_substring(self._clients[column], text, ignore_case=True)
            for column in ("name", "client_id")
        ]
        return Drilldown(self.cell, self.total, self._clients.filter(pc.or_(*matches)), self._rates)

    def clients(self, first: int = 0, count: int | None = None) -> Iterator[DrilldownClient]:
        """Yield `count` clients, or all, from the one at index `first` (from 0)."""
        selected = self._clients.slice(first, count)
        for start in range(0, selected.num_rows, _BATCH_ROWS):
            for row in selected.slice(start, _BATCH_ROWS).to_pylist():
                yield DrilldownClient(**row, rate=self._rates.get(row["currency"], Fraction(1)))


def drill_down(parquet: bytes, table: ReportTable, ref: CellRef) -> Drilldown:
    """Return the clients behind the cell `ref` of a stored table.

    `parquet` is the file that is stored with the table (`Report.clients`).
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pa.BufferReader(parquet)
    group, period = _find_group_and_period(pq.read_schema(file).metadata[b"groups"], table, ref)
    rates = _read_rates(pq.read_table(file, filters=_is_rate_of(period)))
    columns = [name for name in DrilldownClient._fields if name != "rate"]
    clients = pq.read_table(file, columns=columns, filters=_is_counted(ref.metric, group, period))
    order = pc.sort_indices(
        pa.table({"size": _compute_sizes(clients, rates), "client_id": clients["client_id"]}),
        [("size", "descending"), ("client_id", "ascending")],
    )
    cell = table.blocks[ref.block].row(ref.metric.section, ref.metric.name)[ref.column]
    return Drilldown(cell, _compute_total(clients, rates, ref.metric, cell), clients.take(order), rates)


def _find_group_and_period(group_numbers: bytes, table: ReportTable, ref: CellRef) -> tuple[int, int]:
    """Return the group number and the period number (from 1) of a cell.

    `group_numbers` are the groups of the table in order, as the stored file lists them.
    """
    groups = list(map(int, group_numbers.split(b",")))
    if table.by_package or len(groups) == 1:
        return groups[ref.block], ref.column + 1
    return groups[ref.column], 1


def _is_rate_of(period: int) -> pc.Expression:
    import pyarrow.compute as pc

    return pc.field("client_id").is_null() & (pc.field("first_period") == period)


def _is_counted(metric: Metric, group: int, period: int) -> pc.Expression:
    """Return the filter for the clients that a cell of a cohort counts (definition: Cohorts)."""
    import pyarrow.compute as pc

    condition = (
        (pc.field("group_number") == group)
        & (pc.field("first_period") <= period)
        & (pc.field("last_period") >= period)
    )
    match _COHORTS[metric.section]:
        case Cohort.ACTIVE:
            condition &= pc.field("last_active_period") >= period
        case Cohort.OVERALL_ACTIVE:
            condition &= pc.field("last_active_period").is_valid()
    match metric.name:
        case "Qty":
            condition &= pc.field("created") == 1
        case "Balance Pos":
            condition &= pc.field("balance") > Decimal(0)
        case "Balance Neg":
            condition &= pc.field("balance") < Decimal(0)
    return condition


def _read_rates(rows: pa.Table) -> dict[str, Fraction]:
    """Return the rate from each currency to the report currency.

    A currency without a rate has no balance that needs conversion.
    """
    return {
        row["currency"]: Fraction(row["rate"]) / Fraction(row["report_rate"])
        for row in rows.to_pylist()
        if row["rate"] and row["report_rate"]
    }


def _compute_sizes(clients: pa.Table, rates: dict[str, Fraction]) -> pa.Array:
    """Return the absolute balances in the report currency.

    They are floats, because they only decide the order.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    indexes = pc.index_in(clients["currency"], pa.array(list(rates), pa.string()))
    factors = pc.fill_null(pc.take(pa.array(map(float, rates.values()), pa.float64()), indexes), 1.0)
    return pc.abs(pc.multiply(pc.cast(clients["balance"], pa.float64()), factors))


def _compute_total(clients: pa.Table, rates: dict[str, Fraction], metric: Metric, cell: Cell) -> Cell:
    """Return the sum over the clients; None for an N/A cell without clients."""
    if not clients.num_rows and cell is None:
        return None
    if metric.unit is Unit.QUANTITY:
        return int(clients.num_rows)
    sums = clients.group_by("currency").aggregate([("balance", "sum")]).to_pylist()
    return round_money(
        sum(
            (Fraction(row["balance_sum"]) * rates.get(row["currency"], Fraction(1)) for row in sums),
            Fraction(),
        )
    )
