"""Checks that every correct report table passes. A report that fails one is not mailed."""

from collections.abc import Sequence
from decimal import Decimal

from orchestration.domain import Cohort
from orchestration.reporting.table import Block, Cell, ReportTable, Unit

_ROUNDING_TOLERANCE = Decimal("0.01")
"""The three balances are rounded separately (definition: Rounding)."""


def find_inconsistencies(table: ReportTable, period_labels: Sequence[str] | None) -> list[str]:
    """Return one sentence for each problem of the table; an empty list for a consistent table.

    `period_labels` are the expected columns in order, or None for a table with packages as columns.
    """
    problems = []
    if period_labels is not None and list(period_labels) != list(table.columns):
        missing = [label for label in period_labels if label not in table.columns]
        problems.append(f"periods are missing: {', '.join(missing[:5]) or 'their order is wrong'}")
    for block in table.blocks:
        prefix = f"{block.package}: " if block.package else ""
        block_problems = (*_find_negative_quantities(table, block), *_find_wrong_balances(table, block))
        problems += [f"{prefix}{problem}" for problem in block_problems]
    return problems


def _find_negative_quantities(table: ReportTable, block: Block) -> list[str]:
    return [
        f"{metric.section} / {metric.name} is {cell} in {label}"
        for metric, cells in zip(block.metrics, block.cells, strict=True)
        if metric.unit is Unit.QUANTITY
        for label, cell in zip(table.columns, cells, strict=True)
        if cell is not None and cell < 0
    ]


def _find_wrong_balances(table: ReportTable, block: Block) -> list[str]:
    problems = []
    for cohort in (Cohort.ACTIVE, Cohort.OVERALL_ACTIVE, Cohort.ALL):
        rows = (block.row(cohort.section, name) for name in ("Balance Pos", "Balance Neg", "Balance"))
        for label, positive, negative, balance in zip(table.columns, *rows, strict=True):
            error = _zero_if_na(positive) + _zero_if_na(negative) - _zero_if_na(balance)
            if abs(error) > _ROUNDING_TOLERANCE:
                problems.append(
                    f"{cohort.section}: Balance {balance} is not {positive} + {negative} in {label}"
                )
    return problems


def _zero_if_na(cell: Cell) -> Decimal:
    return Decimal(0) if cell is None else Decimal(cell)
