"""The report as an XLS workbook, the format of Excel 97: its sheets are small, so that a large table takes several."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from orchestration.rendering import spreadsheet as look
from orchestration.rendering.spreadsheet import Role, SheetCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xlwt

    from orchestration.reporting.table import ReportTable

_MOST_ROWS, _MOST_COLUMNS = 65_536, 256
_CHARACTER, _POINT = 256, 20
"""In xlwt's units of width and height."""
_FIRST_COLOUR = 32
"""Our colours take the palette's places from here on."""


def xls_bytes(table: ReportTable, info: list[tuple[str, str]]) -> bytes:
    """The workbook. What one sheet cannot hold goes on in the next, with the header and the texts again."""
    import xlwt

    workbook = xlwt.Workbook(encoding="utf-8")
    styles = _styles(workbook)
    parts = list(_parts(table))
    for number, rows in enumerate(parts, 1):
        sheet = workbook.add_sheet("Report" if len(parts) == 1 else f"Report {number}")
        _fill(sheet, rows, styles)
        _arrange(sheet, table, len(rows[0]))
    sheet = workbook.add_sheet("Info")
    lines = [
        [SheetCell(label, Role.GROUP), SheetCell(look.sheet_text(value), Role.METRIC)]
        for label, value in info
    ]
    _fill(sheet, lines, styles)
    sheet.col(0).width, sheet.col(1).width = (characters * _CHARACTER for characters in look.INFO_WIDTHS)

    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def _parts(table: ReportTable) -> Iterator[list[list[SheetCell]]]:
    """The rows of each sheet: first from top to bottom, then further to the right."""
    header, *rows = look.sheet_rows(table)
    texts = look.text_columns(table)
    down, across = _MOST_ROWS - 1, _MOST_COLUMNS - texts
    for left in range(texts, max(len(header), texts + 1), across):
        for top in range(0, max(len(rows), 1), down):
            yield [row[:texts] + row[left : left + across] for row in [header, *rows[top : top + down]]]


def _fill(
    sheet: xlwt.Worksheet, rows: list[list[SheetCell]], styles: dict[tuple[Role, bool], xlwt.XFStyle]
) -> None:
    for y, cells in enumerate(rows):
        row = sheet.row(y)
        for x, cell in enumerate(cells):
            row.write(x, cell.value, styles[cell.role, cell.tinted])


def _arrange(sheet: xlwt.Worksheet, table: ReportTable, columns: int) -> None:
    """Sets widths, frozen panes and the printed page."""
    texts, width = look.text_columns(table), look.column_width(table)
    for x, characters in enumerate([*look.TEXT_WIDTHS[-texts:], *[width] * (columns - texts)]):
        sheet.col(x).width = characters * _CHARACTER
    header = sheet.row(0)
    header.height_mismatch, header.height = True, look.header_lines(table) * look.LINE_HEIGHT * _POINT
    sheet.panes_frozen, sheet.horz_split_pos, sheet.vert_split_pos = True, 1, texts
    sheet.show_grid, sheet.portrait, sheet.header_str = False, False, b""
    sheet.fit_num_pages, sheet.fit_width_to_pages, sheet.fit_height_to_pages = 1, 1, 0


def _styles(workbook: xlwt.Workbook) -> dict[tuple[Role, bool], xlwt.XFStyle]:
    """A style for each role, plain and tinted, over our colours in the workbook's palette."""
    import xlwt

    places = {}
    for place, colour in enumerate(look.COLOURS, _FIRST_COLOUR):
        workbook.set_colour_RGB(place, *bytes.fromhex(colour))
        places[colour] = place
    styles = {}
    for role in Role:
        for tinted in (False, True):
            style = xlwt.XFStyle()
            style.num_format_str = look.NUMBER_FORMATS.get(role, "General")
            style.font.bold = role in look.BOLD
            style.font.colour_index = places[look.ink(role)]
            style.alignment.horz = (
                xlwt.Alignment.HORZ_RIGHT if role in look.RIGHT else xlwt.Alignment.HORZ_LEFT
            )
            style.alignment.wrap = role in look.HEADERS
            if fill := look.fill(role, tinted=tinted):
                style.pattern.pattern = xlwt.Pattern.SOLID_PATTERN
                style.pattern.pattern_fore_colour = places[fill]
            styles[role, tinted] = style
    return styles
