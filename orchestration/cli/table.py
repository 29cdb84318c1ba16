"""The report table on a terminal."""

import os
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from orchestration.reporting.table import ReportTable


def format_table(stream: "TextIO", table: "ReportTable") -> str:
    """Return the table as text: the whole table, or the last columns that fit on a terminal."""
    from orchestration.rendering import format_text_table

    # A terminal that does not know its width reports 0.
    width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    count = len(table.columns)

    def width_of_last(columns: int) -> int:
        return max(map(len, format_text_table(_keep_last(table, columns)).splitlines()))

    # More columns than characters cannot fit. Such a large table need not be formatted to find that
    # out.
    if not width or (count <= width and width_of_last(count) <= width):
        return format_text_table(table)
    fitting = max(1, bisect_right(range(1, min(count, width)), width, key=width_of_last))
    note = f"the last {fitting} of {count} columns; the link and --file have all columns"
    return f"{format_text_table(_keep_last(table, fitting))}\n\n{note}"


def _keep_last(table: "ReportTable", count: int) -> "ReportTable":
    blocks = tuple(
        replace(block, cells=tuple(cells[-count:] for cells in block.cells)) for block in table.blocks
    )
    return replace(table, columns=table.columns[-count:], blocks=blocks)
