"""Cells of an XLSX workbook as XML: typed values that keep every digit, and text that stays text."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from orchestration.rendering.spreadsheet import Role, SheetCell, sheet_text
from orchestration.reporting.table import plain

_FORMULA_STARTS = ("=", "+", "-", "@")
_DAY_ZERO, _DAY = datetime(1899, 12, 30, tzinfo=UTC), timedelta(days=1)
_FIRST_DAY = datetime(1900, 3, 1, tzinfo=UTC)
"""Before it the numbers of days are off by one, and before 1900 there are none."""
_CELLS_A_WRITE = 4_000
"""Half a megabyte, as text and as bytes."""

Style = tuple[Role, bool, bool]
"""A cell's role, whether it is tinted, and whether its text begins like a formula."""


class SheetRows(NamedTuple):
    """The rows of a sheet; the sheet's row number `first` is the first of them, and so many points high."""

    rows: Iterable[list[SheetCell]]
    height: int | None = None
    first: int = 1


def rows_xml(sheet: SheetRows, styles: Mapping[Style, int]) -> Iterator[bytes]:
    """Give the rows as the content of `sheetData`, a few at a time; no row is kept.

    `styles` are the numbers that the workbook's styles have.
    """
    letters: list[str] = []
    lines: list[str] = []
    height = f' ht="{sheet.height}" customHeight="1"' if sheet.height else ""
    for number, cells in enumerate(sheet.rows, sheet.first):
        letters += [column_letters(column) for column in range(len(letters) + 1, len(cells) + 1)]
        content = "".join(
            [_cell(f"{letter}{number}", cell, styles) for letter, cell in zip(letters, cells, strict=False)]
        )
        lines.append(f'<row r="{number}"{height if number == sheet.first else ""}>{content}</row>')
        if len(lines) * len(cells) >= _CELLS_A_WRITE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def column_letters(column: int) -> str:
    """Return the name of a column, counted from 1: A, Z, AA, XFD."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def escaped(text: str) -> str:
    """Text as XML carries it."""
    return sheet_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cell(place: str, cell: SheetCell, styles: Mapping[Style, int]) -> str:
    value, role, tinted = cell
    if isinstance(value, datetime):
        # A sheet knows no zones: the time on the wall clock that the value came with.
        moment = value.replace(tzinfo=UTC)
        if moment >= _FIRST_DAY:
            return (
                f'<c r="{place}" s="{styles[role, tinted, False]}"><v>{(moment - _DAY_ZERO) / _DAY!r}</v></c>'
            )
        value = value.isoformat(" ")
    if not isinstance(value, str):
        return f'<c r="{place}" s="{styles[role, tinted, False]}"><v>{plain(value)}</v></c>'
    if not value:
        return f'<c r="{place}" s="{styles[role, tinted, False]}"/>'
    style = styles[role, tinted, value.startswith(_FORMULA_STARTS)]
    return (
        f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{escaped(value)}</t></is></c>'
    )
