"""A report on a terminal."""

import os
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from orchestration.reporting.table import ReportTable


def table_for(stream: "TextIO", table: "ReportTable") -> str:
    """The table as text: whole for a file or a pipe, for a terminal the last columns that its width has room for."""
    from orchestration.rendering import text_table

    # A terminal that does not know its width calls it 0.
    room = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    columns = len(table.columns)

    def width(count: int) -> int:
        return max(map(len, text_table(_last(table, count)).splitlines()))

    # More columns than characters cannot fit, and of a giant table they need not be tried.
    if not room or (columns <= room and width(columns) <= room):
        return text_table(table)
    fitting = max(1, bisect_right(range(1, min(columns, room)), room, key=width))
    told = (
        f"the last {fitting} of {columns} columns have room here; all are behind the link and in every --file"
    )
    return f"{text_table(_last(table, fitting))}\n\n{told}"


def _last(table: "ReportTable", count: int) -> "ReportTable":
    blocks = tuple(
        replace(block, cells=tuple(cells[-count:] for cells in block.cells)) for block in table.blocks
    )
    return replace(table, columns=table.columns[-count:], blocks=blocks)
