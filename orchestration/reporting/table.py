"""The report table: the numbers of a report, from which every output is rendered."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

from orchestration.domain import Cohort
from orchestration.reporting.money import DECIMAL_CONTEXT

if TYPE_CHECKING:
    from orchestration.reporting.exact_arithmetic import Numbers

NOT_AVAILABLE = "N/A"

Cell = int | Decimal | None
"""A quantity as int, money as Decimal with two places in the report currency, or None for N/A."""


class Unit(StrEnum):
    """The unit of a metric's cells."""

    QUANTITY = "quantity"
    MONEY = "money"


class Metric(NamedTuple):
    """A row of the report: its section, its name in the section, and the unit of its cells."""

    section: str
    name: str
    unit: Unit


def _build_metrics(section: str, *names: str) -> list[Metric]:
    return [Metric(section, name, Unit.QUANTITY if name.endswith("Qty") else Unit.MONEY) for name in names]


METRICS: tuple[Metric, ...] = (
    *_build_metrics(Cohort.ACTIVE.section, "Qty", "Balance Pos", "Balance Neg", "Balance"),
    *_build_metrics(Cohort.OVERALL_ACTIVE.section, "Qty", "Balance Pos", "Balance Neg", "Balance"),
    *_build_metrics(Cohort.ALL.section, "Qty", "Balance Pos", "Balance Neg", "Balance"),
    *_build_metrics("Balance Refill", "Qty", "Total", "Avg"),
    *_build_metrics("Pay As You Go", "Total", "Active Avg"),
    *_build_metrics("Packages", "Activation Qty", "Activation Total", "Renew Qty", "Renew Total"),
)
"""The 21 rows of every block, in the order of the report (definition: Rows)."""

FORMAT_VERSION = 2
"""The version of the snapshot format, in the manifest and in the stored table.

Version 1 has no number in the stored table. Raise the number when the format changes, teach
`ReportTable.from_json` to read the older versions, and keep a snapshot of each version in
tests/archive/formats.
"""


class CellRow(Sequence[Cell]):
    """The cells of one row, packed into 8 bytes each.

    A Decimal takes 104 bytes, and a large report has millions of cells. Only quantities and money
    with two places are packed, below 10^16. A row with other values stays a tuple.
    """

    __slots__ = ("_cells", "_is_money")

    def __init__(self, cells: Iterable[Cell], *, packed_as_money: bool | None = None) -> None:
        """Pack the cells.

        `packed_as_money` is set for an array that is packed already: true for cents, false for
        whole numbers.
        """
        self._cells: array[int] | tuple[Cell, ...]
        if packed_as_money is not None and isinstance(cells, array):
            self._cells, self._is_money = cells, packed_as_money
            return
        self._cells = tuple(cells)
        types = {type(cell) for cell in self._cells} - {type(None)}
        self._is_money = types == {Decimal}
        if types <= {int} or (self._is_money and all(map(_has_two_places, self._cells))):
            factor = 100 if self._is_money else 1
            with suppress(OverflowError):
                self._cells = array(
                    "q", (_PACKED_NA if cell is None else int(cell * factor) for cell in self._cells)
                )

    @classmethod
    def of_numbers(cls, numbers: "Numbers", is_na: "Numbers", *, is_money: bool) -> Self:
        """Return a row of whole numbers, or of cents if `is_money`. Cells are N/A where `is_na`."""
        if numbers.dtype != object:
            packed = array("q")
            copied = numbers.astype("int64")
            copied[is_na] = _PACKED_NA
            packed.frombytes(copied.tobytes())
            return cls(packed, packed_as_money=is_money)
        values = [
            _PACKED_NA if na else number for number, na in zip(numbers.tolist(), is_na.tolist(), strict=True)
        ]
        try:
            return cls(array("q", values), packed_as_money=is_money)
        except OverflowError:
            return cls(_to_wide_cell(number, is_money=is_money) for number in values)

    def __iter__(self) -> Iterator[Cell]:
        if isinstance(self._cells, tuple):
            return iter(self._cells)
        return map(self._unpack, self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, index: int) -> Cell: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Cell, ...]: ...
    def __getitem__(self, index: int | slice) -> Cell | tuple[Cell, ...]:
        if isinstance(self._cells, tuple):
            return self._cells[index]
        if isinstance(index, slice):
            return tuple(map(self._unpack, self._cells[index]))
        return self._unpack(self._cells[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CellRow | tuple) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _unpack(self, number: int) -> Cell:
        if number == _PACKED_NA:
            return None
        return Decimal(number).scaleb(-2) if self._is_money else number


_PACKED_NA = -(2**63)


def _to_wide_cell(number: int, *, is_money: bool) -> Cell:
    """Return the cell of a number that can need more than 64 bits."""
    if number == _PACKED_NA:
        return None
    return DECIMAL_CONTEXT.scaleb(Decimal(number), -2) if is_money else number


def _has_two_places(cell: Cell) -> bool:
    return cell is None or Decimal(cell).as_tuple().exponent == -2  # noqa: PLR2004 - two places


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one group: `cells[row][column]`, rows as in `metrics`.

    `package` is None if the report has no blocks of packages.
    """

    package: str | None
    cells: tuple[Sequence[Cell], ...]
    metrics: tuple[Metric, ...] = field(default_factory=lambda: METRICS, repr=False)
    """The metrics of the rows. A stored block keeps those that it had when it was stored."""

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "cells",
            tuple(cells if isinstance(cells, CellRow) else CellRow(cells) for cells in self.cells),
        )

    def row(self, section: str, name: str) -> tuple[Cell, ...]:
        """Return the cells of one metric. Raise KeyError when the block has no such metric."""
        for metric, cells in zip(self.metrics, self.cells, strict=True):
            if (metric.section, metric.name) == (section, name):
                return tuple(cells)
        raise KeyError(section, name)

    def to_json(self) -> dict[str, Any]:
        """Return the block as JSON values, as a part of `ReportTable.to_json`."""
        return {
            "package": self.package,
            "rows": [
                {
                    "section": metric.section,
                    "metric": metric.name,
                    "unit": metric.unit.value,
                    "values": [str(cell) if isinstance(cell, Decimal) else cell for cell in cells],
                }
                for metric, cells in zip(self.metrics, self.cells, strict=True)
            ],
        }


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Blocks of the same rows over the same columns.

    `columns` are the labels of the periods, or the names of the packages when the query groups by
    package and not by time. `by_package` is true when each block is a package (grouped by package
    and time). The table then begins with a column `Package`.
    """

    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    by_package: bool = False

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the rows of each block."""
        return self.blocks[0].metrics if self.blocks else METRICS

    @property
    def row_count(self) -> int:
        """The number of rows of all blocks, without the header."""
        return sum(len(block.cells) for block in self.blocks)

    def header(self) -> list[str]:
        """Return the labels of the columns of `rows`."""
        return [*(["Package"] if self.by_package else []), "Section", "Metric", *self.columns]

    def rows(self) -> Iterator[tuple[list[str], Metric, Sequence[Cell]]]:
        """Yield every row from top to bottom: its text cells, its metric, its cells."""
        for block in self.blocks:
            for metric, cells in zip(block.metrics, block.cells, strict=True):
                package = [block.package or ""] if self.by_package else []
                yield [*package, metric.section, metric.name], metric, cells

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values.

        Money is text with two places, a quantity is a number, N/A is null.
        """
        return {
            "columns": list(self.columns),
            "by_package": self.by_package,
            "blocks": [block.to_json() for block in self.blocks],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the table that `to_json` wrote, in this release or an earlier one.

        The rows are those of the stored table, which can differ from METRICS.
        """
        metrics: tuple[Metric, ...] = ()
        blocks = []
        for block in data["blocks"]:
            named = tuple(Metric(row["section"], row["metric"], Unit(row["unit"])) for row in block["rows"])
            if named != metrics:  # blocks share one tuple
                metrics = named
            cells = tuple(
                tuple(Decimal(value) if isinstance(value, str) else value for value in row["values"])
                for row in block["rows"]
            )
            blocks.append(Block(block["package"], cells, metrics))
        return cls(tuple(data["columns"]), tuple(blocks), data["by_package"])


def format_cell(cell: Cell) -> str:
    """Return a cell as text: `N/A`, a whole number, or money with two decimals.

    There are no thousands separators (definition: CSV).
    """
    if cell is None:
        return NOT_AVAILABLE
    return f"{cell:.2f}" if isinstance(cell, Decimal) else str(cell)
