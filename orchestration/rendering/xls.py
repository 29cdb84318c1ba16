"""The report as an XLS workbook, the format of Excel 97: its sheets are small, so that a large table takes several."""

from __future__ import annotations

from datetime import datetime
from itertools import chain, count, islice
from typing import IO, TYPE_CHECKING

from orchestration.rendering import spreadsheet as look
from orchestration.rendering.spreadsheet import Role, SheetCell
from orchestration.reporting.table import METRICS, Block, ReportTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    import xlwt

    from orchestration.reporting.report import Progress

_MOST_ROWS, _MOST_COLUMNS = 65_536, 256
_CHARACTER, _POINT = 256, 20
"""In xlwt's units of width and height."""
_ROWS_IN_MEMORY = 64
_LAST_YEAR_WITHOUT_DAYS = 1900
_FIRST_COLOUR = 32
"""Our colours take the palette's places from here on."""


def write_xls(
    table: ReportTable, info: list[tuple[str, str]], file: IO[bytes], progress: Progress | None
) -> None:
    """The workbook. What one sheet cannot hold goes on in the next, with the header and the texts again."""
    workbook, styles = _workbook()
    parts = list(_across(table))
    rows = 1 + len(table.blocks) * len(METRICS)
    several = len(parts) > 1 or rows > _MOST_ROWS
    texts, width = look.text_columns(table), look.column_width(table)
    height, numbers = look.header_lines(table) * look.LINE_HEIGHT, count(1)
    for place, part in enumerate(parts):
        told = look.told(look.sheet_rows(part), f"XLS {place + 1}/{len(parts)}", rows, progress)
        for below in _down(told):
            sheet = workbook.add_sheet(f"Report {next(numbers)}" if several else "Report")
            _arrange(sheet, [*look.TEXT_WIDTHS[-texts:], *[width] * len(part.columns)], texts, height)
            _fill(sheet, below, styles)
    sheet = workbook.add_sheet("Info")
    lines = [
        [SheetCell(label, Role.GROUP), SheetCell(look.sheet_text(value), Role.METRIC)]
        for label, value in info
    ]
    _fill(sheet, lines, styles)
    sheet.col(0).width, sheet.col(1).width = (characters * _CHARACTER for characters in look.INFO_WIDTHS)
    workbook.save(file)


def write_xls_listing(rows: Iterable[list[SheetCell]], file: IO[bytes]) -> None:
    """The listing, header first. What one sheet cannot hold goes on in the next, with the header again."""
    workbook, styles = _workbook()
    for number, below in enumerate(_down(iter(rows)), 1):
        sheet = workbook.add_sheet(f"Listing {number}" if number > 1 else "Listing")
        header = next(below)
        _arrange(sheet, [look.LISTING_WIDTH] * len(header), 0, look.LINE_HEIGHT)
        _fill(sheet, chain([header], below), styles)
    workbook.save(file)


def _across(table: ReportTable) -> Iterator[ReportTable]:
    """The columns of each sheet."""
    most = _MOST_COLUMNS - look.text_columns(table)
    for left in range(0, max(len(table.columns), 1), most):
        blocks = (
            Block(block.package, tuple(row[left : left + most] for row in block.cells))
            for block in table.blocks
        )
        yield ReportTable(table.columns[left : left + most], tuple(blocks), table.by_package)


def _down(rows: Iterator[list[SheetCell]]) -> Iterator[Iterator[list[SheetCell]]]:
    """The rows of each sheet under the header again. They are to be taken before the next sheet's."""
    header = next(rows)
    following: list[SheetCell] | None = header
    while following:
        first = [following] if following is not header else []
        yield chain([header], first, islice(rows, _MOST_ROWS - 1 - len(first)))
        following = next(rows, None)


def _workbook() -> tuple[xlwt.Workbook, dict[tuple[Role, bool], xlwt.XFStyle]]:
    import xlwt

    workbook = xlwt.Workbook(encoding="utf-8")
    return workbook, _styles(workbook)


def _fill(
    sheet: xlwt.Worksheet, rows: Iterable[list[SheetCell]], styles: dict[tuple[Role, bool], xlwt.XFStyle]
) -> None:
    for y, cells in enumerate(rows):
        row = sheet.row(y)
        for x, cell in enumerate(cells):
            row.write(x, _value(cell.value), styles[cell.role, cell.tinted])
        if y % _ROWS_IN_MEMORY == _ROWS_IN_MEMORY - 1:
            sheet.flush_row_data()


def _value(value: str | int | Decimal | datetime) -> object:
    """As xlwt takes it: text that a cell can hold, a time on its own wall clock; before 1900 there is none."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) if value.year > _LAST_YEAR_WITHOUT_DAYS else value.isoformat(" ")
    return look.sheet_text(value) if isinstance(value, str) else value


def _arrange(sheet: xlwt.Worksheet, widths: list[int], texts: int, height: int) -> None:
    """Sets widths in characters, the header's height in points, frozen panes and the printed page."""
    for x, characters in enumerate(widths):
        sheet.col(x).width = characters * _CHARACTER
    header = sheet.row(0)
    header.height_mismatch, header.height = True, height * _POINT
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
