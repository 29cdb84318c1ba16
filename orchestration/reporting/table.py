"""The report table: the one form of a report's numbers, of which every output is a projection (spec 5, 7, 8)."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

from orchestration.reporting.money import EXACT

if TYPE_CHECKING:
    from orchestration.reporting.exact import Numbers

NOT_AVAILABLE = "N/A"

Cell = int | Decimal | None
"""A quantity is an int, money a Decimal of two places in the report's currency, N/A is None."""


class Unit(StrEnum):
    """What a metric's cells are."""

    QUANTITY = "quantity"
    MONEY = "money"


class Metric(NamedTuple):
    """One of the 21 rows of a block: its section, its name there, and the unit of its cells."""

    section: str
    name: str
    unit: Unit


def _section(section: str, *names: str) -> list[Metric]:
    return [Metric(section, name, Unit.QUANTITY if name.endswith("Qty") else Unit.MONEY) for name in names]


METRICS: tuple[Metric, ...] = (
    *_section("Clients - Active", "Qty", "Balance Pos", "Balance Neg", "Balance"),
    *_section("Clients - Overall Active", "Qty", "Balance Pos", "Balance Neg", "Balance"),
    *_section("Clients - All", "Qty", "Balance Pos", "Balance Neg", "Balance"),
    *_section("Balance Refill", "Qty", "Total", "Avg"),
    *_section("Pay As You Go", "Total", "Active Avg"),
    *_section("Packages", "Activation Qty", "Activation Total", "Renew Qty", "Renew Total"),
)
"""The rows of every block, in the order of the report (spec 5)."""


class Row(Sequence[Cell]):
    """The cells of one row, 8 bytes each: by date over five years with 60 packages they are two million.

    A Decimal takes 104. Kept so are quantities, and money of two places, below 10^16; other rows stay what they are.
    """

    __slots__ = ("_cells", "_is_money")

    def __init__(self, cells: Iterable[Cell], *, packed_money: bool | None = None) -> None:
        """Pack the cells. `packed_money` says that they are packed already: whole numbers, or cents."""
        self._cells: array[int] | tuple[Cell, ...]
        if packed_money is not None and isinstance(cells, array):
            self._cells, self._is_money = cells, packed_money
            return
        self._cells = tuple(cells)
        units = {type(cell) for cell in self._cells} - {type(None)}
        self._is_money = units == {Decimal}
        if units <= {int} or (self._is_money and all(map(_is_of_two_places, self._cells))):
            factor = 100 if self._is_money else 1
            with suppress(OverflowError):
                self._cells = array(
                    "q", (_NONE if cell is None else int(cell * factor) for cell in self._cells)
                )

    @classmethod
    def of_numbers(cls, numbers: "Numbers", is_nothing: "Numbers", *, is_money: bool) -> Self:
        """Return the row of whole numbers, of cents where they are money, and of N/A where `is_nothing`."""
        if numbers.dtype != object:
            packed = array("q")
            whole = numbers.astype("int64")  # a copy
            whole[is_nothing] = _NONE
            packed.frombytes(whole.tobytes())
            return cls(packed, packed_money=is_money)
        chosen = [
            _NONE if nothing else number
            for number, nothing in zip(numbers.tolist(), is_nothing.tolist(), strict=True)
        ]
        try:
            return cls(array("q", chosen), packed_money=is_money)
        except OverflowError:
            return cls(
                None if number == _NONE else EXACT.scaleb(Decimal(number), -2) if is_money else number
                for number in chosen
            )

    def __iter__(self) -> Iterator[Cell]:
        if isinstance(self._cells, tuple):
            return iter(self._cells)
        return map(self._unpacked, self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, place: int) -> Cell: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Cell, ...]: ...
    def __getitem__(self, place: int | slice) -> Cell | tuple[Cell, ...]:
        if isinstance(self._cells, tuple):
            return self._cells[place]
        if isinstance(place, slice):
            return tuple(map(self._unpacked, self._cells[place]))
        return self._unpacked(self._cells[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row | tuple) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _unpacked(self, number: int) -> Cell:
        if number == _NONE:
            return None
        return Decimal(number).scaleb(-2) if self._is_money else number


_NONE = -(2**63)


def _is_of_two_places(cell: Cell) -> bool:
    return cell is None or Decimal(cell).as_tuple().exponent == -2  # noqa: PLR2004 - two places


@dataclass(frozen=True, slots=True)
class Block:
    """The 21 rows of one package (or of all, `package` None): `cells[row][column]`, rows as in METRICS."""

    package: str | None
    cells: tuple[Sequence[Cell], ...]

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "cells", tuple(cells if isinstance(cells, Row) else Row(cells) for cells in self.cells)
        )

    def row(self, section: str, name: str) -> tuple[Cell, ...]:
        """The cells of one metric, a column each. Raises KeyError for a metric that no report has."""
        for metric, cells in zip(METRICS, self.cells, strict=True):
            if (metric.section, metric.name) == (section, name):
                return tuple(cells)
        raise KeyError(section, name)

    def to_json(self) -> dict[str, Any]:
        """The block as JSON values, as `ReportTable.to_json` has it."""
        return {
            "package": self.package,
            "rows": [
                {
                    "section": metric.section,
                    "metric": metric.name,
                    "unit": metric.unit.value,
                    "values": [str(cell) if isinstance(cell, Decimal) else cell for cell in cells],
                }
                for metric, cells in zip(METRICS, self.cells, strict=True)
            ],
        }


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Blocks of 21 rows over the same columns.

    `columns` are the labels: periods, or package names when a report is grouped by package alone.
    `by_package` is true when blocks are packages (grouped by package and time): the table then has a
    first column `Package`.
    """

    columns: tuple[str, ...]
    blocks: tuple[Block, ...]
    by_package: bool = False

    def header(self) -> list[str]:
        """The labels above the rows that `rows` gives."""
        return [*(["Package"] if self.by_package else []), "Section", "Metric", *self.columns]

    def rows(self) -> Iterator[tuple[list[str], Metric, Sequence[Cell]]]:
        """Every row from top to bottom: its text cells, its metric, its cells."""
        for block in self.blocks:
            for metric, cells in zip(METRICS, block.cells, strict=True):
                package = [block.package or ""] if self.by_package else []
                yield [*package, metric.section, metric.name], metric, cells

    def to_json(self) -> dict[str, Any]:
        """The table as JSON values: money as text with two places, quantities as numbers, N/A as null."""
        return {
            "columns": list(self.columns),
            "by_package": self.by_package,
            "blocks": [block.to_json() for block in self.blocks],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The table that `to_json` wrote."""
        return cls(
            columns=tuple(data["columns"]),
            by_package=data["by_package"],
            blocks=tuple(
                Block(
                    block["package"],
                    tuple(
                        tuple(Decimal(value) if isinstance(value, str) else value for value in row["values"])
                        for row in block["rows"]
                    ),
                )
                for block in data["blocks"]
            ),
        )


def plain(cell: Cell) -> str:
    """A cell as text: `N/A`, a whole number, or money with a point, two places and no separators (spec 8)."""
    if cell is None:
        return NOT_AVAILABLE
    return f"{cell:.2f}" if isinstance(cell, Decimal) else str(cell)
