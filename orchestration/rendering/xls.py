"""The report as an XLS workbook, the format of Excel 97. A large table takes several sheets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import chain, count, islice
from typing import IO, TYPE_CHECKING

from orchestration.rendering import sheet as layout
from orchestration.rendering.sheet import Role, SheetCell
from orchestration.reporting.table import ReportTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    import xlwt

    from orchestration.progress import Progress

_MAX_ROWS, _MAX_COLUMNS = 65_536, 256
_CHARACTER, _POINT = 256, 20
"""xlwt's units of width and height."""
_ROWS_IN_MEMORY = 64
_LAST_YEAR_WITHOUT_DAYS = 1900
_FIRST_COLOUR = 32
"""The first place of our colours in the palette of the workbook."""


def write_xls(
    table: ReportTable, info: list[tuple[str, str]], file: IO[bytes], progress: Progress | None
) -> None:
    """Write the workbook.

    A table that is too large for one sheet continues in the next one, which repeats the header
    and the texts.
    """
    workbook, styles = _new_workbook()
    parts = list(_split_columns(table))
    row_count = 1 + table.row_count
    has_several_sheets = len(parts) > 1 or row_count > _MAX_ROWS
    text_columns, width = layout.count_text_columns(table), layout.choose_column_width(table)
    height, numbers = layout.count_header_lines(table) * layout.LINE_HEIGHT, count(1)
    for index, part in enumerate(parts):
        step = f"XLS {index + 1}/{len(parts)}"
        rows = layout.report_progress(layout.build_sheet_rows(part), step, row_count, progress)
        for sheet_rows in _split_rows(rows):
            sheet = workbook.add_sheet(f"Report {next(numbers)}" if has_several_sheets else "Report")
            widths = [*layout.TEXT_WIDTHS[-text_columns:], *[width] * len(part.columns)]
            _arrange(sheet, widths, text_columns, height)
            _write_rows(sheet, sheet_rows, styles)
    sheet = workbook.add_sheet("Info")
    lines = [
        [SheetCell(label, Role.GROUP), SheetCell(layout.escape_sheet_text(value), Role.METRIC)]
        for label, value in info
    ]
    _write_rows(sheet, lines, styles)
    sheet.col(0).width, sheet.col(1).width = (characters * _CHARACTER for characters in layout.INFO_WIDTHS)
    workbook.save(file)


def write_xls_listing(rows: Iterable[list[SheetCell]], file: IO[bytes]) -> None:
    """Write the listing, header first.

    A listing that is too long for one sheet continues in the next one, which repeats the header.
    """
    workbook, styles = _new_workbook()
    for number, sheet_rows in enumerate(_split_rows(iter(rows)), 1):
        sheet = workbook.add_sheet(f"Listing {number}" if number > 1 else "Listing")
        header = next(sheet_rows)
        _arrange(sheet, [layout.LISTING_WIDTH] * len(header), 0, layout.LINE_HEIGHT)
        _write_rows(sheet, chain([header], sheet_rows), styles)
    workbook.save(file)


def _split_columns(table: ReportTable) -> Iterator[ReportTable]:
    """Yield the part of the table for each sheet, from left to right."""
    most = _MAX_COLUMNS - layout.count_text_columns(table)
    for left in range(0, max(len(table.columns), 1), most):
        blocks = (
            replace(block, cells=tuple(row[left : left + most] for row in block.cells))
            for block in table.blocks
        )
        yield ReportTable(table.columns[left : left + most], tuple(blocks), table.by_package)


def _split_rows(rows: Iterator[list[SheetCell]]) -> Iterator[Iterator[list[SheetCell]]]:
    """Yield the rows of each sheet, with the header first.

    Consume the rows of a sheet before you ask for the next sheet.
    """
    header = next(rows)
    following: list[SheetCell] | None = header
    while following:
        first = [following] if following is not header else []
        yield chain([header], first, islice(rows, _MAX_ROWS - 1 - len(first)))
        following = next(rows, None)


def _new_workbook() -> tuple[xlwt.Workbook, dict[tuple[Role, bool], xlwt.XFStyle]]:
    import xlwt

    workbook = xlwt.Workbook(encoding="utf-8")
    return workbook, _make_styles(workbook)


def _write_rows(
    sheet: xlwt.Worksheet, rows: Iterable[list[SheetCell]], styles: dict[tuple[Role, bool], xlwt.XFStyle]
) -> None:
    for y, cells in enumerate(rows):
        row = sheet.row(y)
        for x, cell in enumerate(cells):
            row.write(x, _xlwt_value(cell.value), styles[cell.role, cell.tinted])
        if y % _ROWS_IN_MEMORY == _ROWS_IN_MEMORY - 1:
            sheet.flush_row_data()


def _xlwt_value(value: str | int | Decimal | datetime) -> object:
    """Return a value that xlwt can write.

    An instant becomes its wall-clock time. Excel has no days before 1900, so an earlier one
    becomes text.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) if value.year > _LAST_YEAR_WITHOUT_DAYS else value.isoformat(" ")
    return layout.escape_sheet_text(value) if isinstance(value, str) else value


def _arrange(sheet: xlwt.Worksheet, widths: list[int], text_columns: int, height: int) -> None:
    """Set the column widths (characters), the header's height (points), panes and printed page."""
    for x, characters in enumerate(widths):
        sheet.col(x).width = characters * _CHARACTER
    header = sheet.row(0)
    header.height_mismatch, header.height = True, height * _POINT
    sheet.panes_frozen, sheet.horz_split_pos, sheet.vert_split_pos = True, 1, text_columns
    sheet.show_grid, sheet.portrait, sheet.header_str = False, False, b""
    sheet.fit_num_pages, sheet.fit_width_to_pages, sheet.fit_height_to_pages = 1, 1, 0


def _make_styles(workbook: xlwt.Workbook) -> dict[tuple[Role, bool], xlwt.XFStyle]:
    """Return a style for each role, plain and tinted. Add the colours to the workbook's palette."""
    import xlwt

    palette = {}
    for index, colour in enumerate(layout.COLOURS, _FIRST_COLOUR):
        workbook.set_colour_RGB(index, *bytes.fromhex(colour))
        palette[colour] = index
    styles = {}
    for role in Role:
        for tinted in (False, True):
            style = xlwt.XFStyle()
            style.num_format_str = layout.NUMBER_FORMATS.get(role, "General")
            style.font.bold = role in layout.BOLD
            style.font.colour_index = palette[layout.choose_text_color(role)]
            style.alignment.horz = (
                xlwt.Alignment.HORZ_RIGHT if role in layout.RIGHT_ALIGNED else xlwt.Alignment.HORZ_LEFT
            )
            style.alignment.wrap = role in layout.HEADERS
            if fill := layout.choose_fill_color(role, tinted=tinted):
                style.pattern.pattern = xlwt.Pattern.SOLID_PATTERN
                style.pattern.pattern_fore_colour = palette[fill]
            styles[role, tinted] = style
    return styles
