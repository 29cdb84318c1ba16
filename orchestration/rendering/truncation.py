"""An excerpt of a large table, for outputs that have no room for the whole table."""

from dataclasses import replace

from orchestration.reporting.table import ReportTable

_MAX_BLOCKS = 3
"""More blocks would make the HTML of a mail so large that mail programs cut it."""


def truncate(table: ReportTable, column_count: int) -> ReportTable:
    """Return the last columns of the first three packages.

    Return all columns if only one of them would be missing.
    """
    first = 0 if len(table.columns) <= column_count + 1 else len(table.columns) - column_count
    blocks = (
        replace(block, cells=tuple(row[first:] for row in block.cells))
        for block in table.blocks[:_MAX_BLOCKS]
    )
    return ReportTable(table.columns[first:], tuple(blocks), table.by_package)


def describe_truncation(table: ReportTable, part: ReportTable) -> str:
    """Return a sentence that says which part of the table is shown; empty for the whole table."""
    limits = []
    if len(part.columns) < len(table.columns):
        limits.append(f"the last {len(part.columns)} of {len(table.columns):,} columns")
    if len(part.blocks) < len(table.blocks):
        limits.append(f"the first {len(part.blocks)} of {len(table.blocks):,} packages")
    if not limits:
        return ""
    return f"This is an excerpt: {' of '.join(limits)}. The files and the link have the whole table."
