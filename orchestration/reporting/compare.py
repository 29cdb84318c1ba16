"""Two reports of the same shape, cell by cell: which differ, and by how much."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.table import METRICS, Cell, Metric, ReportTable, Unit


class NotComparable(RequestError):
    """Two reports have no cell in common; the message says why."""


class Pair(NamedTuple):
    """One cell as it is in the left report, and in the right one."""

    left: Cell
    right: Cell

    @property
    def differs(self) -> bool:
        """Whether the two are not the same; N/A differs from every number, zero included."""
        return self.left != self.right

    @property
    def difference(self) -> Cell:
        """Right less left; None where one of them is N/A."""
        return None if self.left is None or self.right is None else self.right - self.left


class Difference(NamedTuple):
    """A cell that differs, and where it is."""

    package: str | None
    metric: Metric
    column: str
    pair: Pair


@dataclass(frozen=True, slots=True)
class PairedBlock:
    """What both reports say of one package (or of all, None): `cells[row][column]`, rows as in METRICS."""

    package: str | None
    cells: tuple[tuple[Pair, ...], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The cells that two reports have in common, and what only one of them has."""

    columns: tuple[str, ...]
    blocks: tuple[PairedBlock, ...]
    by_package: bool
    only_left: tuple[str, ...]
    """Columns and packages that the right report does not have."""
    only_right: tuple[str, ...]

    def differences(self) -> Iterator[Difference]:
        """Every cell that differs, in the order of the report."""
        for block in self.blocks:
            for metric, pairs in zip(METRICS, block.cells, strict=True):
                for column, pair in zip(self.columns, pairs, strict=True):
                    if pair.differs:
                        yield Difference(block.package, metric, column, pair)

    @property
    def cells(self) -> int:
        """How many cells were compared."""
        return len(self.blocks) * len(METRICS) * len(self.columns)

    def largest(self, unit: Unit) -> Difference | None:
        """The difference that is farthest from zero, of all cells of that unit; None when none differ by a number."""
        sized = [
            found
            for found in self.differences()
            if found.metric.unit is unit and found.pair.difference is not None
        ]
        return max(sized, key=lambda found: abs(Decimal(found.pair.difference or 0)), default=None)


def compare(left: ReportTable, right: ReportTable) -> Comparison:
    """What differs between two reports in the same currency.

    Reports have the same shape when both have packages as blocks, or neither has. What is compared are the columns and
    blocks whose labels both have; of several with one label the first goes with the first. Raises NotComparable.
    """
    if left.by_package != right.by_package:
        raise NotComparable(
            "one report has a block for each package and the other has none: their rows do not match"
        )
    columns = _matched(left.columns, right.columns)
    if not columns:
        raise NotComparable(
            f"the reports have no column in common: one has {_span(left.columns)}, the other {_span(right.columns)}"
        )
    packages = [[block.package or "" for block in table.blocks] for table in (left, right)]
    blocks = _matched(*packages)
    if not blocks:
        raise NotComparable("the reports have no package in common")
    return Comparison(
        columns=tuple(left.columns[here] for here, _ in columns),
        blocks=tuple(
            PairedBlock(
                left.blocks[here].package,
                tuple(
                    tuple(Pair(ours[a], theirs[b]) for a, b in columns)
                    for ours, theirs in zip(left.blocks[here].cells, right.blocks[there].cells, strict=True)
                ),
            )
            for here, there in blocks
        ),
        by_package=left.by_package,
        only_left=_left_over(left.columns, {a for a, _ in columns})
        + _left_over(packages[0], {a for a, _ in blocks}),
        only_right=_left_over(right.columns, {b for _, b in columns})
        + _left_over(packages[1], {b for _, b in blocks}),
    )


def _matched(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """The places of the labels that both have, in the order of the left; two packages can bear one name."""
    there = {label: place for place, label in enumerate(_numbered(right))}
    return [(here, there[label]) for here, label in enumerate(_numbered(left)) if label in there]


def _numbered(labels: Sequence[str]) -> Iterator[tuple[str, int]]:
    seen: Counter[str] = Counter()
    for label in labels:
        yield label, seen[label]
        seen[label] += 1


def _left_over(labels: Sequence[str], matched: set[int]) -> tuple[str, ...]:
    return tuple(label for place, label in enumerate(labels) if place not in matched)


def _span(labels: Sequence[str]) -> str:
    return " to ".join(dict.fromkeys((labels[0], labels[-1]))) if labels else "none"
