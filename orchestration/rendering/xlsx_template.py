"""Workbook templates: workbooks without rows.

openpyxl makes a template once, and many reports fill it with their rows. openpyxl needs more time
for styles, theme, page set-up and charts than the rows need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from itertools import product
from typing import IO, TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from orchestration.rendering import sheet as layout
from orchestration.rendering.sheet import Role
from orchestration.rendering.xlsx_cells import SheetRows, Style, escape_xml, render_rows_xml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

TITLE, HEADING = "{title}", "{heading}"
"""The placeholders of the title, and of its beginning at the top of printed pages."""
_TIME_PLACEHOLDER = datetime(2000, 1, 1)  # noqa: DTZ001 - openpyxl takes UTC without a time zone
_PLACEHOLDERS = re.compile(f"{TITLE}|{HEADING}|{_TIME_PLACEHOLDER.isoformat()}".encode())
_MAX_HEADING_LENGTH = 100
_NO_ROWS = b"<sheetData></sheetData>"
_DIMENSION = re.compile(b"<dimension [^>]*>")
STYLES: Sequence[Style] = tuple(product(Role, (False, True), (False, True)))
"""Every style of a workbook, in the order in which openpyxl numbers them."""


@dataclass(frozen=True, slots=True)
class WorkbookTemplate:
    """A workbook without rows: its files by name, and the numbers of its styles."""

    parts: dict[str, bytes]
    styles: dict[Style, int]

    def write(self, sheets: Sequence[SheetRows], file: IO[bytes], title: str, generated_at: datetime) -> None:
        """Write the workbook with these rows in its sheets. `generated_at` is in UTC."""
        rows = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(sheets, 1)}
        values = {
            TITLE: escape_xml(title),
            HEADING: escape_xml(layout.escape_sheet_text(title)[:_MAX_HEADING_LENGTH].replace("&", "&&")),
            _TIME_PLACEHOLDER.isoformat(): generated_at.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        with ZipFile(file, "w", ZIP_DEFLATED) as workbook:
            for name, template in self.parts.items():
                part = ZipInfo(name)  # without a date, so that the same report gives the same bytes
                part.compress_type = ZIP_DEFLATED
                content = _PLACEHOLDERS.sub(lambda match: values[match[0].decode()].encode(), template)
                if name not in rows:
                    workbook.writestr(part, content)
                    continue
                before, _, after = content.partition(_NO_ROWS)
                with workbook.open(part, "w") as sheet:
                    sheet.write(before + b"<sheetData>")
                    sheet.writelines(render_rows_xml(rows[name], self.styles))
                    sheet.write(b"</sheetData>" + after)


def new_workbook() -> Workbook:
    """Return a workbook with one sheet, all named styles, and placeholders for its properties."""
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.properties.creator = "Customer Dynamics"
    workbook.properties.title = TITLE
    workbook.properties.created = workbook.properties.modified = _TIME_PLACEHOLDER
    _define_styles(workbook)
    return workbook


def make_template(workbook: Workbook) -> WorkbookTemplate:
    """Return the template of a workbook that has no rows."""
    from openpyxl.writer.excel import ExcelWriter

    styles = _number_styles(workbook.worksheets[0])
    draft = BytesIO()
    # Workbook.save would write the current time into `modified`.
    ExcelWriter(workbook, ZipFile(draft, "w")).save()
    with ZipFile(draft) as parts:
        return WorkbookTemplate(
            {name: _DIMENSION.sub(b"", parts.read(name)) for name in parts.namelist()}, styles
        )


def _number_styles(sheet: Worksheet) -> dict[Style, int]:
    """Return the number that each style has in the workbook of this sheet."""
    from openpyxl.cell import WriteOnlyCell

    numbers: dict[Style, int] = {}
    for role, tinted, looks_like_formula in STYLES:
        example = WriteOnlyCell(sheet)
        example.style = _style_name(role, tinted=tinted)
        if looks_like_formula:
            # Otherwise Excel makes a formula of the text when a user edits the cell.
            example.quotePrefix = True
        numbers[role, tinted, looks_like_formula] = example.style_id
    return numbers


def _style_name(role: Role, *, tinted: bool) -> str:
    return f"{role.value}, tinted" if tinted else role.value


def _define_styles(workbook: Workbook) -> None:
    from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill

    for role in Role:
        for tinted in (False, True):
            style = NamedStyle(_style_name(role, tinted=tinted))
            style.number_format = layout.NUMBER_FORMATS.get(role, "General")
            style.font = Font(
                name="Calibri", size=11, bold=role in layout.BOLD, color=layout.choose_text_color(role)
            )
            style.alignment = Alignment(
                "right" if role in layout.RIGHT_ALIGNED else "left",
                "center",
                wrap_text=role in layout.HEADERS,
            )
            if fill := layout.choose_fill_color(role, tinted=tinted):
                style.fill = PatternFill("solid", fgColor=fill)
            workbook.add_named_style(style)
