"""Frames: workbooks without rows, which openpyxl makes once for many reports and which we fill.

Styles, theme, page set-up and charts take openpyxl longer than our rows take us.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import product
from typing import IO, TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from orchestration.rendering import spreadsheet as look
from orchestration.rendering.spreadsheet import Role
from orchestration.rendering.xlsx_cells import SheetRows, Style, escaped, rows_xml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

TITLE, HEADING = "{title}", "{heading}"
"""Stand in a frame for the title, and for its beginning at the top of printed pages."""
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001 - openpyxl wants it naive, and means UTC
_TO_FILL = re.compile(f"{TITLE}|{HEADING}|{_MADE_AT.isoformat()}".encode())
_HEADING_LENGTH = 100
_NO_ROWS = b"<sheetData></sheetData>"
_DIMENSION = re.compile(b"<dimension [^>]*>")
STYLES: Sequence[Style] = tuple(product(Role, (False, True), (False, True)))
"""Every style of a workbook, in the order in which openpyxl numbers them."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A workbook without rows: its files by name, and the numbers of its styles."""

    parts: dict[str, bytes]
    styles: dict[Style, int]

    def write(self, sheets: Sequence[SheetRows], file: IO[bytes], title: str, made_at: datetime) -> None:
        """Writes the workbook with these rows in its sheets. `made_at` is in UTC."""
        rows = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, 1)}
        known = {
            TITLE: escaped(title),
            HEADING: escaped(look.sheet_text(title)[:_HEADING_LENGTH].replace("&", "&&")),
            _MADE_AT.isoformat(): made_at.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        with ZipFile(file, "w", ZIP_DEFLATED) as whole:
            for name, empty in self.parts.items():
                part = ZipInfo(name)  # without a date: one report is one file
                part.compress_type = ZIP_DEFLATED
                content = _TO_FILL.sub(lambda found: known[found[0].decode()].encode(), empty)
                if name not in rows:
                    whole.writestr(part, content)
                    continue
                before, _, after = content.partition(_NO_ROWS)
                with whole.open(part, "w") as sheet:
                    sheet.write(before + b"<sheetData>")
                    sheet.writelines(rows_xml(rows[name], self.styles))
                    sheet.write(b"</sheetData>" + after)


def new_workbook() -> Workbook:
    """A workbook with one sheet and a named style for each role, to be furnished and made a Frame of."""
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.properties.creator = "Customer Dynamics"
    workbook.properties.title = TITLE
    workbook.properties.created = workbook.properties.modified = _MADE_AT
    _define_styles(workbook)
    return workbook


def frame_of(workbook: Workbook) -> Frame:
    """The frame of a workbook whose sheets hold no rows."""
    from openpyxl.writer.excel import ExcelWriter

    styles = _style_numbers(workbook.worksheets[0])
    draft = BytesIO()
    # Not Workbook.save: it writes the present into `modified`.
    ExcelWriter(workbook, ZipFile(draft, "w")).save()
    with ZipFile(draft) as parts:
        return Frame({name: _DIMENSION.sub(b"", parts.read(name)) for name in parts.namelist()}, styles)


def _style_numbers(sheet: Worksheet) -> dict[Style, int]:
    """Return the number that each style has in the workbook of this sheet."""
    from openpyxl.cell import WriteOnlyCell

    numbers: dict[Style, int] = {}
    for role, tinted, risky in STYLES:
        example = WriteOnlyCell(sheet)
        example.style = _style_name(role, tinted=tinted)
        if risky:
            # Without it Excel makes a formula of the text when somebody edits the cell.
            example.quotePrefix = True
        numbers[role, tinted, risky] = example.style_id
    return numbers


def _style_name(role: Role, *, tinted: bool) -> str:
    return f"{role.value}, tinted" if tinted else role.value


def _define_styles(workbook: Workbook) -> None:
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
