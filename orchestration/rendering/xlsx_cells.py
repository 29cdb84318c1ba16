"""The cells of an XLSX workbook as XML. Numbers keep every digit, and text stays text."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from orchestration.rendering.sheet import Role, SheetCell, escape_sheet_text
from orchestration.reporting.table import format_cell

_FORMULA_STARTS = ("=", "+", "-", "@")
_DAY_ZERO, _DAY = datetime(1899, 12, 30, tzinfo=UTC), timedelta(days=1)
_FIRST_DAY = datetime(1900, 3, 1, tzinfo=UTC)
"""Before this day a sheet counts the days wrongly, and before 1900 it has no days."""
_CELLS_PER_CHUNK = 4_000
"""This many cells are in memory at a time."""

Style = tuple[Role, bool, bool]
"""The role of a cell, whether it is tinted, and whether its text begins like a formula."""


class SheetRows(NamedTuple):
    """The rows of a sheet, the height of the first row in points, and its number."""

    rows: Iterable[list[SheetCell]]
    height: int | None = None
    first: int = 1


def render_rows_xml(sheet: SheetRows, styles: Mapping[Style, int]) -> Iterator[bytes]:
    """Yield the content of `sheetData`, a few rows at a time.

    `styles` gives the number of each style in the workbook.
    """
    letters: list[str] = []
    lines: list[str] = []
    height = f' ht="{sheet.height}" customHeight="1"' if sheet.height else ""
    for number, cells in enumerate(sheet.rows, sheet.first):
        letters += [format_column_letters(column) for column in range(len(letters) + 1, len(cells) + 1)]
        content = "".join(
            [
                _cell_xml(f"{letter}{number}", cell, styles)
                for letter, cell in zip(letters, cells, strict=False)
            ]
        )
        lines.append(f'<row r="{number}"{height if number == sheet.first else ""}>{content}</row>')
        if len(lines) * len(cells) >= _CELLS_PER_CHUNK:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def format_column_letters(column: int) -> str:
    """Return the name of a column, counted from 1: A, Z, AA, XFD."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def escape_xml(text: str) -> str:
    """Return text as the content of an XML element."""
    return escape_sheet_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cell_xml(position: str, cell: SheetCell, styles: Mapping[Style, int]) -> str:
    value, role, tinted = cell
    if isinstance(value, datetime):
        # A sheet has no time zones: it shows the wall-clock time.
        moment = value.replace(tzinfo=UTC)
        if moment >= _FIRST_DAY:
            days = (moment - _DAY_ZERO) / _DAY
            return f'<c r="{position}" s="{styles[role, tinted, False]}"><v>{days!r}</v></c>'
        value = value.isoformat(" ")
    if not isinstance(value, str):
        return f'<c r="{position}" s="{styles[role, tinted, False]}"><v>{format_cell(value)}</v></c>'
    if not value:
        return f'<c r="{position}" s="{styles[role, tinted, False]}"/>'
    style = styles[role, tinted, value.startswith(_FORMULA_STARTS)]
    text = f'<t xml:space="preserve">{escape_xml(value)}</t>'
    return f'<c r="{position}" s="{style}" t="inlineStr"><is>{text}</is></c>'
