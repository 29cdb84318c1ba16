"""What must be true of any report table, checked before anybody is sent it (spec 3, 5)."""

from collections.abc import Sequence
from decimal import Decimal

from orchestration.reporting.table import METRICS, Block, Cell, ReportTable, Unit

_CENT = Decimal("0.01")
"""Pos, Neg and their sum are rounded once each, so they may part by a cent."""


def audit(table: ReportTable, labels: Sequence[str] | None) -> list[str]:
    """What is wrong with the table, a sentence each; nothing when it is sound.

    `labels` are the periods that must be there, in order; None for a table whose columns are packages.
    """
    problems = []
    if labels is not None and list(labels) != list(table.columns):
        missing = [label for label in labels if label not in table.columns]
        problems.append(f"periods are missing: {', '.join(missing[:5]) or 'their order is wrong'}")
    for block in table.blocks:
        name = f"{block.package}: " if block.package else ""
        problems += [f"{name}{problem}" for problem in (*_quantities(table, block), *_balances(table, block))]
    return problems


def _quantities(table: ReportTable, block: Block) -> list[str]:
    return [
        f"{metric.section} / {metric.name} is {cell} in {label}"
        for metric, cells in zip(METRICS, block.cells, strict=True)
        if metric.unit is Unit.QUANTITY
        for label, cell in zip(table.columns, cells, strict=True)
        if cell is not None and cell < 0
    ]


def _balances(table: ReportTable, block: Block) -> list[str]:
    problems = []
    for section in ("Clients - Active", "Clients - Overall Active", "Clients - All"):
        rows = (block.row(section, name) for name in ("Balance Pos", "Balance Neg", "Balance"))
        for label, positive, negative, balance in zip(table.columns, *rows, strict=True):
            if abs(_or_zero(positive) + _or_zero(negative) - _or_zero(balance)) > _CENT:
                problems.append(f"{section}: Balance {balance} is not {positive} + {negative} in {label}")
    return problems


def _or_zero(cell: Cell) -> Decimal:
    return Decimal(0) if cell is None else Decimal(cell)
