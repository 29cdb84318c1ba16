"""The report as an XLSX workbook: the table, the info panel, and a native chart on request."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import IO, TYPE_CHECKING

from orchestration.errors import RequestError
from orchestration.rendering import sheet as layout
from orchestration.rendering.chart import Chart, select_chart_data
from orchestration.rendering.sheet import Role, SheetCell
from orchestration.rendering.xlsx_cells import SheetRows
from orchestration.rendering.xlsx_chart import build_chart_sheet_rows, draw_chart
from orchestration.rendering.xlsx_template import HEADING, WorkbookTemplate, make_template, new_workbook
from orchestration.rendering.xlsx_template_store import load_or_make_template
from orchestration.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from openpyxl.worksheet.worksheet import Worksheet

    from orchestration.progress import Progress
    from orchestration.reporting.report import Provenance
    from orchestration.reporting.table import ReportTable

_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 16_384
_COLUMNS_PER_PAGE = 13
"""A year by month is readable on one landscape A4 page. More columns take more pages."""


def write_xlsx(
    table: ReportTable,
    info: list[tuple[str, str]],
    provenance: Provenance,
    preset: Chart | None,
    file: IO[bytes],
    progress: Progress | None,
) -> None:
    """Write the workbook. Raise RequestError if the table is larger than a sheet can be."""
    row_count, column_count = 1 + table.row_count, len(table.header())
    if column_count > _MAX_COLUMNS or row_count > _MAX_ROWS:
        raise RequestError(
            f"the report has {row_count:,} rows and {column_count:,} columns, an XLSX sheet holds {_MAX_ROWS:,}"
            f" and {_MAX_COLUMNS:,}: group it by longer periods, or use csv"
        )
    chart_data = select_chart_data(table, preset) if preset else None
    template = _load_template(
        _make_report_template,
        layout.count_text_columns(table),
        len(table.columns),
        layout.choose_column_width(table),
        preset,
        (len(chart_data.series), len(chart_data.labels)) if chart_data else (0, 0),
    )
    rows = layout.report_progress(layout.build_sheet_rows(table), "XLSX", row_count, progress)
    sheets = [SheetRows(rows, layout.count_header_lines(table) * layout.LINE_HEIGHT)]
    if chart_data:
        sheets.append(build_chart_sheet_rows(chart_data))
    sheets.append(SheetRows(_info_rows(info)))
    template.write(sheets, file, provenance.title, provenance.generated_at.astimezone(UTC))


def write_xlsx_listing(rows: Iterable[list[SheetCell]], file: IO[bytes]) -> None:
    """Write the listing, header first, as a workbook with one sheet.

    Raise RequestError if the listing is longer than a sheet can be.
    """
    sheets = [SheetRows(_limit_rows(rows), layout.LINE_HEIGHT)]
    _load_template(_make_listing_template).write(sheets, file, "Listing", datetime.now(UTC))


def _limit_rows(rows: Iterable[list[SheetCell]]) -> Iterator[list[SheetCell]]:
    for number, row in enumerate(rows, 1):
        if number > _MAX_ROWS:
            raise RequestError(f"the listing is longer than the {_MAX_ROWS:,} rows of an XLSX sheet: use csv")
        yield row


@lru_cache(maxsize=64)
def _load_template(make: Callable[..., WorkbookTemplate], *shape: object) -> WorkbookTemplate:
    """Return the template of a shape from memory or from the home; `make` makes a new one."""
    folder = settings().home / "workbook_templates"
    return load_or_make_template(folder, f"{make.__name__} {shape!r}", partial(make, *shape))


def clear_template_cache() -> None:
    """Remove all templates from this process's memory."""
    _load_template.cache_clear()


def _make_report_template(
    text_columns: int, number_columns: int, width: int, preset: Chart | None, chart_size: tuple[int, int]
) -> WorkbookTemplate:
    """Make the template of the reports with so many columns of text and of numbers.

    `width` is the width of the numbers in characters. `chart_size` is the number of series and of
    labels.
    """
    workbook = new_workbook()
    report = workbook.worksheets[0]
    report.title = "Report"
    _arrange_columns(report, text_columns, number_columns, width)
    if preset:
        draw_chart(workbook.create_sheet("Chart"), preset, *chart_size)
    info = workbook.create_sheet("Info")
    info.column_dimensions["A"].width, info.column_dimensions["B"].width = layout.INFO_WIDTHS
    for sheet in workbook.worksheets:
        _set_up_page(sheet)
    _spread_over_pages(report, text_columns, number_columns)
    return make_template(workbook)


def _make_listing_template() -> WorkbookTemplate:
    """Make the template of all listings."""
    workbook = new_workbook()
    sheet = workbook.worksheets[0]
    sheet.title = "Listing"
    sheet.sheet_format.defaultColWidth = layout.LISTING_WIDTH
    sheet.freeze_panes = "A2"
    return make_template(workbook)


def _arrange_columns(sheet: Worksheet, text_columns: int, number_columns: int, width: int) -> None:
    from openpyxl.worksheet.dimensions import ColumnDimension

    for letter, characters in zip("ABC", layout.TEXT_WIDTHS[-text_columns:], strict=False):
        sheet.column_dimensions[letter].width = characters
    if number_columns:
        sheet.column_dimensions["numbers"] = ColumnDimension(
            sheet,
            index="numbers",
            min=text_columns + 1,
            max=text_columns + number_columns,
            width=width,
        )
    sheet.freeze_panes = f"{'ABCD'[text_columns]}2"


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


def _spread_over_pages(report: Worksheet, text_columns: int, number_columns: int) -> None:
    report.page_setup.fitToWidth = max(1, -(-number_columns // _COLUMNS_PER_PAGE))
    report.print_title_rows = "1:1"
    report.print_title_cols = f"A:{'ABC'[text_columns - 1]}"


def _info_rows(info: list[tuple[str, str]]) -> list[list[SheetCell]]:
    return [[SheetCell(label, Role.GROUP), SheetCell(value, Role.METRIC)] for label, value in info]
