"""The report as an XLSX workbook: the table, the info panel, and a native chart when one is asked for."""

from __future__ import annotations

import io
from datetime import UTC
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

from orchestration.errors import RequestError
from orchestration.rendering import spreadsheet as look
from orchestration.rendering.spreadsheet import Role, SheetCell
from orchestration.rendering.xlsx_cells import define_styles, write
from orchestration.reporting.table import METRICS, ReportTable

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

    from orchestration.rendering.chart import ChartPreset
    from orchestration.reporting.report import Provenance

_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_COLUMNS_A_PAGE = 13
"""A year by month is readable on one landscape A4 page; more columns take more pages."""


def xlsx_bytes(
    table: ReportTable, info: list[tuple[str, str]], provenance: Provenance, preset: ChartPreset | None
) -> bytes:
    """The workbook. Raises RequestError when the table is larger than a sheet can be."""
    from openpyxl import Workbook
    from openpyxl.writer.excel import ExcelWriter

    rows, columns = 1 + len(table.blocks) * len(METRICS), len(table.header())
    if columns > _MOST_COLUMNS or rows > _MOST_ROWS:
        raise RequestError(
            f"the report has {rows:,} rows and {columns:,} columns, an XLSX sheet holds {_MOST_ROWS:,} and "
            f"{_MOST_COLUMNS:,}: group it more coarsely, or take csv"
        )
    workbook = Workbook()
    workbook.properties.creator = "Customer Dynamics"
    workbook.properties.title = look.sheet_text(provenance.title)
    moment = provenance.generated_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    workbook.properties.created = workbook.properties.modified = moment
    define_styles(workbook)
    report = workbook.worksheets[0]
    report.title = "Report"
    _fill_report(report, table)
    if preset:
        from orchestration.rendering.xlsx_chart import fill_chart

        fill_chart(workbook.create_sheet("Chart"), table, preset)
    _fill_info(workbook.create_sheet("Info"), info)
    for sheet in workbook.worksheets:
        _set_up_page(sheet, look.sheet_text(provenance.title))
    _spread_over_pages(report, table)

    # Not Workbook.save: it writes the present into `modified`, and one report is to be one file.
    content = io.BytesIO()
    ExcelWriter(workbook, ZipFile(content, "w", ZIP_DEFLATED)).save()
    return content.getvalue()


def _fill_report(sheet: Worksheet, table: ReportTable) -> None:
    from openpyxl.worksheet.dimensions import ColumnDimension

    for row, cells in enumerate(look.sheet_rows(table), 1):
        for column, cell in enumerate(cells, 1):
            write(sheet, row, column, cell)
    texts = look.text_columns(table)
    for letter, width in zip("ABC", look.TEXT_WIDTHS[-texts:], strict=False):
        sheet.column_dimensions[letter].width = width
    if table.columns:
        sheet.column_dimensions["numbers"] = ColumnDimension(
            sheet,
            index="numbers",
            min=texts + 1,
            max=texts + len(table.columns),
            width=look.column_width(table),
        )
    sheet.row_dimensions[1].height = look.header_lines(table) * look.LINE_HEIGHT
    sheet.freeze_panes = f"{'ABCD'[texts]}2"


def _set_up_page(sheet: Worksheet, title: str) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    assert sheet.oddHeader is not None
    assert sheet.oddFooter is not None
    sheet.oddHeader.left.text = title[:100].replace("&", "&&")
    sheet.oddFooter.right.text = "&P / &N"


def _spread_over_pages(report: Worksheet, table: ReportTable) -> None:
    report.page_setup.fitToWidth = max(1, -(-len(table.columns) // _COLUMNS_A_PAGE))
    report.print_title_rows = "1:1"
    report.print_title_cols = f"A:{'ABC'[look.text_columns(table) - 1]}"


def _fill_info(sheet: Worksheet, info: list[tuple[str, str]]) -> None:
    for row, (label, value) in enumerate(info, 1):
        write(sheet, row, 1, SheetCell(label, Role.GROUP))
        write(sheet, row, 2, SheetCell(value, Role.METRIC))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = look.INFO_WIDTHS
