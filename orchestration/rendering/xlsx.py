"""The report as an XLSX workbook: the table, the info panel, and a native chart when one is asked for."""

from __future__ import annotations

from datetime import UTC
from typing import IO, TYPE_CHECKING

from orchestration.errors import RequestError
from orchestration.rendering import spreadsheet as look
from orchestration.rendering.spreadsheet import Progress, Role, SheetCell
from orchestration.rendering.xlsx_cells import define_styles, save, write
from orchestration.reporting.table import METRICS, ReportTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    from orchestration.rendering.chart import Chart
    from orchestration.reporting.report import Provenance

_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_COLUMNS_A_PAGE = 13
"""A year by month is readable on one landscape A4 page; more columns take more pages."""


def write_xlsx(
    table: ReportTable,
    info: list[tuple[str, str]],
    provenance: Provenance,
    preset: Chart | None,
    file: IO[bytes],
    progress: Progress | None,
) -> None:
    """The workbook. Raises RequestError when the table is larger than a sheet can be."""
    rows, columns = 1 + len(table.blocks) * len(METRICS), len(table.header())
    if columns > _MOST_COLUMNS or rows > _MOST_ROWS:
        raise RequestError(
            f"the report has {rows:,} rows and {columns:,} columns, an XLSX sheet holds {_MOST_ROWS:,} and "
            f"{_MOST_COLUMNS:,}: group it more coarsely, or take csv"
        )
    workbook = _workbook("Report")
    workbook.properties.title = look.sheet_text(provenance.title)
    moment = provenance.generated_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    workbook.properties.created = workbook.properties.modified = moment
    report = workbook.worksheets[0]
    _arrange(report, table)
    if preset:
        from orchestration.rendering.xlsx_chart import fill_chart

        fill_chart(workbook.create_sheet("Chart"), table, preset)
    _fill_info(workbook.create_sheet("Info"), info)
    for sheet in workbook.worksheets:
        _set_up_page(sheet, look.sheet_text(provenance.title))
    _spread_over_pages(report, table)
    told = look.told(look.sheet_rows(table), "XLSX", rows, progress)
    save(workbook, told, look.header_lines(table) * look.LINE_HEIGHT, file)


def write_xlsx_listing(rows: Iterable[list[SheetCell]], file: IO[bytes]) -> None:
    """The listing, header first, as the one sheet of a workbook. Raises RequestError when it is longer than a sheet."""
    workbook = _workbook("Listing")
    sheet = workbook.worksheets[0]
    sheet.sheet_format.defaultColWidth = look.LISTING_WIDTH
    sheet.freeze_panes = "A2"
    save(workbook, _that_fit(rows), look.LINE_HEIGHT, file)


def _that_fit(rows: Iterable[list[SheetCell]]) -> Iterator[list[SheetCell]]:
    for number, row in enumerate(rows, 1):
        if number > _MOST_ROWS:
            raise RequestError(
                f"the listing is longer than the {_MOST_ROWS:,} rows of an XLSX sheet: take csv"
            )
        yield row


def _workbook(title: str) -> Workbook:
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.properties.creator = "Customer Dynamics"
    define_styles(workbook)
    workbook.worksheets[0].title = title
    return workbook


def _arrange(sheet: Worksheet, table: ReportTable) -> None:
    from openpyxl.worksheet.dimensions import ColumnDimension

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
