"""From a cell of a kept report to the clients behind it, as they were when the report was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.money import rounded
from orchestration.reporting.table import METRICS, Cell, Metric, ReportTable, Unit

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc

_AT_ONCE = 1000
"""Rows that are made of columns together: enough to be quick, few enough to be small."""


class Place(NamedTuple):
    """A cell of a report table: which block and column, counted from 0, and which metric."""

    block: int
    metric: Metric
    column: int


class ClientBehind(NamedTuple):
    """One client behind a cell. `balance` is in the client's `currency`; times it `rate` it is in the report's."""

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
        """The balance in the report's currency, rounded for the eye: it is the exact ones that add up to the cell."""
        return rounded(Fraction(self.balance) * self.rate)

    @property
    def rate_shown(self) -> Decimal:
        """The rate to twelve decimals: a quotient of two rates need not end."""
        return Decimal(round(self.rate * 10**12)).scaleb(-12)


def has_clients(metric: Metric) -> bool:
    """Whether the clients behind that metric's cells are kept: those of the three cohorts are (spec 5)."""
    return metric.section.startswith("Clients - ")


def place(table: ReportTable, row: str, column: str, block: str = "0") -> Place:
    """The cell that a link names: `SECTION/METRIC`, and numbers from 0. Raises RequestError when there is no such cell."""
    metric = next((metric for metric in METRICS if f"{metric.section}/{metric.name}" == row), None)
    if metric is None or not has_clients(metric):
        raise RequestError(
            "clients are kept for the quantities and balances of Clients - Active, Overall Active and All"
        )
    if not (_within(block, len(table.blocks)) and _within(column, len(table.columns))):
        raise RequestError("the report has no such cell: open it from the report's page")
    return Place(int(block), metric, int(column))


def _within(number: str, count: int) -> bool:
    return number.isascii() and number.isdecimal() and len(number) < len("100000") and int(number) < count


@dataclass(frozen=True, slots=True)
class Behind:
    """The clients behind one cell, the largest balance first, and what they come to."""

    cell: Cell
    """What the report says."""
    total: Cell
    """What the clients add up to, rounded as the report's cells are."""
    _clients: "pa.Table"
    _rates: dict[str, Fraction]

    @property
    def agrees(self) -> bool:
        """Whether the clients add up to the cell, as they must."""
        return self.cell == self.total

    def __len__(self) -> int:
        return int(self._clients.num_rows)

    def named(self, words: str) -> "Behind":
        """Those of them whose name or id contains `words`, in whatever case; cell and total stay those of all."""
        import pyarrow.compute as pc

        found = [
            pc.match_substring(self._clients[column], words, ignore_case=True)
            for column in ("name", "client_id")
        ]
        return Behind(self.cell, self.total, self._clients.filter(pc.or_(*found)), self._rates)

    def clients(self, first: int = 0, count: int | None = None) -> Iterator[ClientBehind]:
        """The clients from number `first` (counted from 0) on, a few at a time in memory."""
        chosen = self._clients.slice(first, count)
        for start in range(0, chosen.num_rows, _AT_ONCE):
            for row in chosen.slice(start, _AT_ONCE).to_pylist():
                yield ClientBehind(**row, rate=self._rates.get(row["currency"], Fraction(1)))


def clients_of_cell(parquet: bytes, table: ReportTable, at: Place) -> Behind:
    """The clients behind the cell `at` of `table`, from the file that was kept with it (`Report.clients`)."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pa.BufferReader(parquet)
    group, period = _group_and_period(pq.read_schema(file).metadata[b"groups"], table, at)
    rates = _rates(pq.read_table(file, filters=_is_rate(period)))
    columns = [name for name in ClientBehind._fields if name != "rate"]
    clients = pq.read_table(file, columns=columns, filters=_is_behind(at.metric, group, period))
    order = pc.sort_indices(
        pa.table({"size": _sizes(clients, rates), "client_id": clients["client_id"]}),
        [("size", "descending"), ("client_id", "ascending")],
    )
    cell = table.blocks[at.block].row(at.metric.section, at.metric.name)[at.column]
    return Behind(cell, _total(clients, rates, at.metric, cell), clients.take(order), rates)


def _group_and_period(shown: bytes, table: ReportTable, at: Place) -> tuple[int, int]:
    """Which of the groups that the table shows, and which period (from 1), the cell is of."""
    groups = list(map(int, shown.split(b",")))
    if table.by_package or len(groups) == 1:
        return groups[at.block], at.column + 1
    return groups[at.column], 1


def _is_rate(period: int) -> "pc.Expression":
    import pyarrow.compute as pc

    return pc.field("client_id").is_null() & (pc.field("first_period") == period)


def _is_behind(metric: Metric, group: int, period: int) -> "pc.Expression":
    """Who is in the cohort at the end of the period (spec 5)."""
    import pyarrow.compute as pc

    chosen = (
        (pc.field("group_number") == group)
        & (pc.field("first_period") <= period)
        & (pc.field("last_period") >= period)
    )
    if metric.section == "Clients - Active":
        chosen &= pc.field("last_active_period") >= period
    elif metric.section == "Clients - Overall Active":
        chosen &= pc.field("last_active_period").is_valid()
    match metric.name:
        case "Qty":
            chosen &= pc.field("created") == 1
        case "Balance Pos":
            chosen &= pc.field("balance") > Decimal(0)
        case "Balance Neg":
            chosen &= pc.field("balance") < Decimal(0)
    return chosen


def _rates(rows: "pa.Table") -> dict[str, Fraction]:
    """What one unit of each currency is worth in the report's; a currency without a rate has no balance to convert."""
    return {
        row["currency"]: Fraction(row["rate"]) / Fraction(row["report_rate"])
        for row in rows.to_pylist()
        if row["rate"] and row["report_rate"]
    }


def _sizes(clients: "pa.Table", rates: dict[str, Fraction]) -> "pa.Array":
    """How far each balance is from zero in the report's currency: floats, since they only give an order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.index_in(clients["currency"], pa.array(list(rates), pa.string()))
    factors = pc.fill_null(pc.take(pa.array(map(float, rates.values()), pa.float64()), known), 1.0)
    return pc.abs(pc.multiply(pc.cast(clients["balance"], pa.float64()), factors))


def _total(clients: "pa.Table", rates: dict[str, Fraction], metric: Metric, cell: Cell) -> Cell:
    if not clients.num_rows and cell is None:
        return None  # nobody, or a period of which nothing is known
    if metric.unit is Unit.QUANTITY:
        return int(clients.num_rows)
    sums = clients.group_by("currency").aggregate([("balance", "sum")]).to_pylist()
    return rounded(
        sum(
            (Fraction(row["balance_sum"]) * rates.get(row["currency"], Fraction(1)) for row in sums),
            Fraction(),
        )
    )
