"""The report as an XLSX workbook: the table, the info panel, and a native chart when one is asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import IO, TYPE_CHECKING

from orchestration.errors import RequestError
from orchestration.rendering import spreadsheet as look
from orchestration.rendering.chart import Chart, plot
from orchestration.rendering.frame_store import stored_frame
from orchestration.rendering.spreadsheet import Role, SheetCell
from orchestration.rendering.xlsx_cells import SheetRows
from orchestration.rendering.xlsx_chart import chart_rows, draw_chart
from orchestration.rendering.xlsx_frame import HEADING, Frame, frame_of, new_workbook
from orchestration.reporting.table import METRICS, ReportTable
from orchestration.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from openpyxl.worksheet.worksheet import Worksheet

    from orchestration.reporting.report import Progress, Provenance

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
    drawn = plot(table, preset) if preset else None
    frame = _frame(
        _report_frame,
        look.text_columns(table),
        len(table.columns),
        look.column_width(table),
        preset,
        (len(drawn.series), len(drawn.labels)) if drawn else (0, 0),
    )
    told = look.told(look.sheet_rows(table), "XLSX", rows, progress)
    sheets = [SheetRows(told, look.header_lines(table) * look.LINE_HEIGHT)]
    if drawn:
        sheets.append(chart_rows(drawn))
    sheets.append(SheetRows(_info_rows(info)))
    frame.write(sheets, file, provenance.title, provenance.generated_at.astimezone(UTC))


def write_xlsx_listing(rows: Iterable[list[SheetCell]], file: IO[bytes]) -> None:
    """The listing, header first, as the one sheet of a workbook. Raises RequestError when it is longer than a sheet."""
    sheets = [SheetRows(_that_fit(rows), look.LINE_HEIGHT)]
    _frame(_listing_frame).write(sheets, file, "Listing", datetime.now(UTC))


def _that_fit(rows: Iterable[list[SheetCell]]) -> Iterator[list[SheetCell]]:
    for number, row in enumerate(rows, 1):
        if number > _MOST_ROWS:
            raise RequestError(
                f"the listing is longer than the {_MOST_ROWS:,} rows of an XLSX sheet: take csv"
            )
        yield row


@lru_cache(maxsize=64)
def _frame(make: Callable[..., Frame], *shape: object) -> Frame:
    """Return the frame that `make` makes of a shape, from this process, the home, or openpyxl."""
    return stored_frame(settings().home / "frames", f"{make.__name__} {shape!r}", partial(make, *shape))


def _report_frame(
    texts: int, columns: int, width: int, preset: Chart | None, plotted: tuple[int, int]
) -> Frame:
    """Make the frame of all reports with so many columns of text and numbers of so many characters.

    `plotted`: how many series the chart has, of how many cells each.
    """
    workbook = new_workbook()
    report = workbook.worksheets[0]
    report.title = "Report"
    _arrange(report, texts, columns, width)
    if preset:
        draw_chart(workbook.create_sheet("Chart"), preset, *plotted)
    info = workbook.create_sheet("Info")
    info.column_dimensions["A"].width, info.column_dimensions["B"].width = look.INFO_WIDTHS
    for sheet in workbook.worksheets:
        _set_up_page(sheet)
    _spread_over_pages(report, texts, columns)
    return frame_of(workbook)


def _listing_frame() -> Frame:
    """Make the frame of all listings."""
    workbook = new_workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "Listing"
    sheet.sheet_format.defaultColWidth = look.LISTING_WIDTH
    sheet.freeze_panes = "A2"
    return frame_of(workbook)


def _arrange(sheet: Worksheet, texts: int, columns: int, width: int) -> None:
    from openpyxl.worksheet.dimensions import ColumnDimension

    for letter, characters in zip("ABC", look.TEXT_WIDTHS[-texts:], strict=False):
        sheet.column_dimensions[letter].width = characters
    if columns:
        sheet.column_dimensions["numbers"] = ColumnDimension(
            sheet,
            index="numbers",
            min=texts + 1,
            max=texts + columns,
            width=width,
        )
    sheet.freeze_panes = f"{'ABCD'[texts]}2"


def _set_up_page(sheet: Worksheet) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    assert sheet.oddHeader is not None
    assert sheet.oddFooter is not None
    sheet.oddHeader.left.text = HEADING
    sheet.oddFooter.right.text = "&P / &N"


def _spread_over_pages(report: Worksheet, texts: int, columns: int) -> None:
    report.page_setup.fitToWidth = max(1, -(-columns // _COLUMNS_A_PAGE))
    report.print_title_rows = "1:1"
    report.print_title_cols = f"A:{'ABC'[texts - 1]}"


def _info_rows(info: list[tuple[str, str]]) -> list[list[SheetCell]]:
    return [[SheetCell(label, Role.GROUP), SheetCell(value, Role.METRIC)] for label, value in info]
