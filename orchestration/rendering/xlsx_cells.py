"""Cells of an XLSX workbook: typed values that keep every digit, text that stays text, and the styles they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.rendering import spreadsheet as look
from orchestration.rendering.spreadsheet import Role, SheetCell, sheet_text
from orchestration.reporting.table import plain

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_FORMULA_STARTS = ("=", "+", "-", "@")


def write(sheet: Worksheet, row: int, column: int, cell: SheetCell) -> None:
    """Puts a cell at a 1-based place: text as a string whatever it looks like, a number with all its digits."""
    target = sheet.cell(row, column)
    target.style = _style_name(cell.role, tinted=cell.tinted)
    if isinstance(cell.value, str):
        target.value = sheet_text(cell.value)
        target.data_type = "s"  # or openpyxl makes a formula or an error of it
        if cell.value.startswith(_FORMULA_STARTS):
            target.quotePrefix = True  # or Excel does, once somebody edits the cell
    else:
        target.value = plain(cell.value)  # as text: openpyxl would write 16 digits of a number
        target.data_type = "n"


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
