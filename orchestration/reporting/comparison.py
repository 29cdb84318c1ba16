"""Comparison of two reports of the same shape, cell by cell."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from orchestration.errors import RequestError
from orchestration.reporting.table import Cell, Metric, ReportTable, Unit


class NotComparable(RequestError):
    """Two reports have no cell in common. The message says why."""


class Pair(NamedTuple):
    """The values of one cell in the left report and in the right report."""

    left: Cell
    right: Cell

    @property
    def differs(self) -> bool:
        """True if the two values are not equal. N/A differs from every number, also from zero."""
        return self.left != self.right

    @property
    def difference(self) -> Cell:
        """The right value minus the left value; None if one of them is N/A."""
        return None if self.left is None or self.right is None else self.right - self.left


class Difference(NamedTuple):
    """A cell with two different values, and its position."""

    package: str | None
    metric: Metric
    column: str
    pair: Pair


@dataclass(frozen=True, slots=True)
class PairedBlock:
    """The pairs of one package's block: `cells[row][column]`, rows as in `metrics`.

    `package` is None when the reports have no blocks of packages.
    """

    package: str | None
    cells: tuple[tuple[Pair, ...], ...]
    metrics: tuple[Metric, ...]
    """The metrics that both reports have, in the order of the left report."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The cells that two reports have in common, and the labels that only one report has."""

    columns: tuple[str, ...]
    blocks: tuple[PairedBlock, ...]
    by_package: bool
    only_left: tuple[str, ...]
    """Columns and packages of the left report that the right report does not have."""
    only_right: tuple[str, ...]
    """Columns and packages of the right report that the left report does not have."""

    def differences(self) -> Iterator[Difference]:
        """Yield every cell that differs, in the order of the report."""
        for block in self.blocks:
            for metric, pairs in zip(block.metrics, block.cells, strict=True):
                for column, pair in zip(self.columns, pairs, strict=True):
                    if pair.differs:
                        yield Difference(block.package, metric, column, pair)

    @property
    def cell_count(self) -> int:
        """The number of compared cells."""
        return sum(len(block.cells) for block in self.blocks) * len(self.columns)

    def largest_difference(self, unit: Unit) -> Difference | None:
        """Return the difference farthest from zero among the cells of a unit.

        Return None when no cell of that unit differs by a number.
        """
        numeric = [
            difference
            for difference in self.differences()
            if difference.metric.unit is unit and difference.pair.difference is not None
        ]
        return max(numeric, key=lambda item: abs(Decimal(item.pair.difference or 0)), default=None)


def compare(left: ReportTable, right: ReportTable) -> Comparison:
    """Compare two reports in the same currency.

    Only columns and blocks with a label that both reports have are compared. When a label occurs
    more than once, its first occurrences are compared with each other, then its second ones, and so
    on. Raise NotComparable when the reports have no cell in common.
    """
    if left.by_package != right.by_package:
        raise NotComparable(
            "one report has a block for each package and the other has none: their rows do not match"
        )
    columns = _match_labels(left.columns, right.columns)
    if not columns:
        raise NotComparable(
            f"the reports have no column in common: one has {_describe_span(left.columns)},"
            f" the other {_describe_span(right.columns)}"
        )
    left_packages, right_packages = (
        [block.package or "" for block in table.blocks] for table in (left, right)
    )
    blocks = _match_labels(left_packages, right_packages)
    if not blocks:
        raise NotComparable("the reports have no package in common")
    # Reports of two releases can have different rows.
    rows = _match_labels(_name_rows(left), _name_rows(right))
    metrics = tuple(left.metrics[index] for index, _ in rows)
    left_columns, right_columns = ({pair[side] for pair in columns} for side in (0, 1))
    left_blocks, right_blocks = ({pair[side] for pair in blocks} for side in (0, 1))
    return Comparison(
        columns=tuple(left.columns[index] for index, _ in columns),
        blocks=tuple(
            PairedBlock(
                left.blocks[left_index].package,
                tuple(
                    tuple(Pair(left_cells[i], right_cells[j]) for i, j in columns)
                    for left_cells, right_cells in (
                        (left.blocks[left_index].cells[i], right.blocks[right_index].cells[j])
                        for i, j in rows
                    )
                ),
                metrics,
            )
            for left_index, right_index in blocks
        ),
        by_package=left.by_package,
        only_left=_list_unmatched(left.columns, left_columns) + _list_unmatched(left_packages, left_blocks),
        only_right=_list_unmatched(right.columns, right_columns)
        + _list_unmatched(right_packages, right_blocks),
    )


def _name_rows(table: ReportTable) -> list[str]:
    return [f"{metric.section} / {metric.name}" for metric in table.metrics]


def _match_labels(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Return the left and right index of each label that both sequences have, in the left order."""
    right_indexes = {label: index for index, label in enumerate(_number_labels(right))}
    return [
        (index, right_indexes[label])
        for index, label in enumerate(_number_labels(left))
        if label in right_indexes
    ]


def _number_labels(labels: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each label with the number of its earlier occurrences.

    Two packages can have the same name.
    """
    seen: Counter[str] = Counter()
    for label in labels:
        yield label, seen[label]
        seen[label] += 1


def _list_unmatched(labels: Sequence[str], matched: set[int]) -> tuple[str, ...]:
    return tuple(label for index, label in enumerate(labels) if index not in matched)


def _describe_span(labels: Sequence[str]) -> str:
    return " to ".join(dict.fromkeys((labels[0], labels[-1]))) if labels else "none"
