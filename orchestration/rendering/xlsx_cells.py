"""Cells of an XLSX workbook: typed values that keep every digit, text that stays text, and the styles they share.

Small sheets get them through openpyxl, a cell at a time. The rows of the large one, which is the first, are written as
XML into the workbook that openpyxl made: docs/decisions.md has the figures.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import IO, TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from orchestration.rendering import spreadsheet as look
from orchestration.rendering.spreadsheet import Role, SheetCell, sheet_text
from orchestration.reporting.table import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from openpyxl.cell import Cell
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_FORMULA_STARTS = ("=", "+", "-", "@")
_LARGE_SHEET, _NO_ROWS = "xl/worksheets/sheet1.xml", b"<sheetData></sheetData>"
_DIMENSION = re.compile(b"<dimension [^>]*>")
_DAY_ZERO, _DAY = datetime(1899, 12, 30, tzinfo=UTC), timedelta(days=1)
_FIRST_DAY = datetime(1900, 3, 1, tzinfo=UTC)
"""Before it the numbers of days are off by one, and before 1900 there are none."""
_ROWS_A_WRITE = 64

_Style = tuple[Role, bool, bool]
"""A cell's role, whether it is tinted, and whether its text begins like a formula."""


def write(sheet: Worksheet, row: int, column: int, cell: SheetCell) -> None:
    """Puts a cell at a 1-based place: text as a string whatever it looks like, a number with all its digits."""
    from openpyxl.cell import MergedCell

    target = sheet.cell(row, column)
    assert not isinstance(target, MergedCell)
    _dress(target, (cell.role, cell.tinted, _is_risky(cell.value)))
    if isinstance(cell.value, str):
        target.value = sheet_text(cell.value)
        target.data_type = "s"  # or openpyxl makes a formula or an error of it
    else:
        assert not isinstance(cell.value, datetime)
        target.value = plain(cell.value)  # as text: openpyxl would write 16 digits of a number
        target.data_type = "n"


def save(workbook: Workbook, rows: Iterable[list[SheetCell]], header_height: int, file: IO[bytes]) -> None:
    """Saves the workbook with these rows, header first, in its first sheet, which must be empty.

    `header_height` is in points. Rows are asked for one by one, and none is kept.
    """
    from openpyxl.writer.excel import ExcelWriter

    styles = _Styles(workbook.worksheets[0])
    for role in Role:  # all are known before the rows are: the file lists them first
        for tinted in (False, True):
            for risky in (False, True):
                styles[role, tinted, risky]
    draft = BytesIO()
    # Not Workbook.save: it writes the present into `modified`, and one report is to be one file.
    ExcelWriter(workbook, ZipFile(draft, "w")).save()
    with ZipFile(draft) as parts, ZipFile(file, "w", ZIP_DEFLATED) as whole:
        for name in parts.namelist():
            part = ZipInfo(name)
            part.compress_type = ZIP_DEFLATED
            content = parts.read(name)
            if name != _LARGE_SHEET:
                whole.writestr(part, content)
                continue
            before, _, after = _DIMENSION.sub(b"", content).partition(_NO_ROWS)
            with whole.open(part, "w") as sheet:
                sheet.write(before + b"<sheetData>")
                sheet.writelines(_xml(rows, header_height, styles))
                sheet.write(b"</sheetData>" + after)


def _xml(rows: Iterable[list[SheetCell]], header_height: int, styles: _Styles) -> Iterator[bytes]:
    from openpyxl.utils import get_column_letter

    letters: list[str] = []
    lines: list[str] = []
    for number, cells in enumerate(rows, 1):
        letters += [get_column_letter(column) for column in range(len(letters) + 1, len(cells) + 1)]
        height = f' ht="{header_height}" customHeight="1"' if number == 1 else ""
        content = "".join(
            [_cell(f"{letter}{number}", cell, styles) for letter, cell in zip(letters, cells, strict=False)]
        )
        lines.append(f'<row r="{number}"{height}>{content}</row>')
        if len(lines) == _ROWS_A_WRITE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def _cell(place: str, cell: SheetCell, styles: _Styles) -> str:
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
    text = sheet_text(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    style = styles[role, tinted, value.startswith(_FORMULA_STARTS)]
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


class _Styles(dict[_Style, int]):
    """The number that each style has in the workbook of a sheet."""

    def __init__(self, sheet: Worksheet) -> None:
        super().__init__()
        self._sheet = sheet

    def __missing__(self, style: _Style) -> int:
        from openpyxl.cell import WriteOnlyCell

        example = WriteOnlyCell(self._sheet)
        _dress(example, style)
        self[style] = number = example.style_id
        return number


def _dress(cell: Cell, style: _Style) -> None:
    role, tinted, risky = style
    cell.style = _style_name(role, tinted=tinted)
    if risky:
        cell.quotePrefix = True  # or Excel makes a formula of it, once somebody edits the cell


def _is_risky(value: object) -> bool:
    return isinstance(value, str) and value.startswith(_FORMULA_STARTS)


def _style_name(role: Role, *, tinted: bool) -> str:
    return f"{role.value}, tinted" if tinted else role.value


def define_styles(workbook: Workbook) -> None:
    """Gives the workbook a named style for each role: one look-up a cell, where style objects would cost five."""
    from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill

    for role in Role:
        for tinted in (False, True):
            style = NamedStyle(_style_name(role, tinted=tinted))
            style.number_format = look.NUMBER_FORMATS.get(role, "General")
            style.font = Font(name="Calibri", size=11, bold=role in look.BOLD, color=look.ink(role))
            style.alignment = Alignment(
                "right" if role in look.RIGHT else "left", "center", wrap_text=role in look.HEADERS
            )
            if fill := look.fill(role, tinted=tinted):
                style.fill = PatternFill("solid", fgColor=fill)
            workbook.add_named_style(style)
