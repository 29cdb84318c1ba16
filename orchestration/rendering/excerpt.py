"""The part of a large table that is shown where there is no room for all of it."""

from orchestration.reporting.table import Block, ReportTable

_BLOCKS = 3
"""A block of 12 columns takes 25 KB of a mail's HTML, and Gmail cuts a mail at 102 KB."""


def excerpt(table: ReportTable, columns: int) -> ReportTable:
    """The last `columns` columns, or all if that leaves out only one, of the first three packages."""
    first = 0 if len(table.columns) <= columns + 1 else len(table.columns) - columns
    blocks = (
        Block(block.package, tuple(row[first:] for row in block.cells)) for block in table.blocks[:_BLOCKS]
    )
    return ReportTable(table.columns[first:], tuple(blocks), table.by_package)


def left_out(table: ReportTable, part: ReportTable) -> str:
    """A sentence that says what of `table` is shown; empty when `part` is all of it."""
    shown = []
    if len(part.columns) < len(table.columns):
        shown.append(f"the last {len(part.columns)} of {len(table.columns):,} columns")
    if len(part.blocks) < len(table.blocks):
        shown.append(f"the first {len(part.blocks)} of {len(table.blocks):,} packages")
    return f"Shown here: {' of '.join(shown)}. The rest is in the files and behind the link." if shown else ""
