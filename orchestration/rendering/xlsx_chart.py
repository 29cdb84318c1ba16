"""The chart sheet of an XLSX workbook: a native chart over cells of its own.

In these cells N/A is empty. Over the cells of the report, a chart would draw the text `N/A` as
zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from orchestration.rendering.chart import PALETTE, Chart, ChartData
from orchestration.rendering.sheet import LINE_HEIGHT, Role, SheetCell
from orchestration.rendering.xlsx_cells import SheetRows

if TYPE_CHECKING:
    from openpyxl.chart import BarChart, LineChart
    from openpyxl.worksheet.worksheet import Worksheet

    from orchestration.reporting.table import Cell

_HEADER_ROW = 30
"""The row under the chart in which the cells begin."""
_GRID = "D9E2EC"
_COLUMN_WIDTH = 20


def draw_chart(sheet: Worksheet, preset: Chart, series_count: int, label_count: int) -> None:
    """Draw the chart of `preset` on an empty sheet, over the cells of `build_chart_sheet_rows`.

    One series gives bars, several series give lines. N/A gives a gap.
    """
    from openpyxl.chart import BarChart, LineChart, Reference

    chart = BarChart() if series_count == 1 else LineChart()
    if series_count and label_count:
        bottom = _HEADER_ROW + label_count
        numbers = Reference(sheet, min_col=2, max_col=1 + series_count, min_row=_HEADER_ROW, max_row=bottom)
        chart.add_data(numbers, titles_from_data=True)
        chart.set_categories(Reference(sheet, min_col=1, min_row=_HEADER_ROW + 1, max_row=bottom))
    _apply_style(chart, preset)
    sheet.add_chart(chart, "A1")
    sheet.sheet_format.defaultColWidth = _COLUMN_WIDTH


def build_chart_sheet_rows(data: ChartData) -> SheetRows:
    """Return the cells under the chart."""
    header = [SheetCell("", Role.HEADER), *(SheetCell(name, Role.COLUMN) for name, _ in data.series)]
    columns = zip(data.labels, *(cells for _, cells in data.series), strict=True)
    below = [[SheetCell(label, Role.METRIC), *map(_chart_cell, cells)] for label, *cells in columns]
    return SheetRows([header, *below], 2 * LINE_HEIGHT, _HEADER_ROW)


def _chart_cell(cell: Cell) -> SheetCell:
    if cell is None:
        return SheetCell("", Role.NOT_AVAILABLE)
    return SheetCell(cell, Role.MONEY if isinstance(cell, Decimal) else Role.QUANTITY)


def _apply_style(chart: BarChart | LineChart, preset: Chart) -> None:
    from openpyxl.chart import BarChart
    from openpyxl.chart.axis import ChartLines
    from openpyxl.chart.shapes import GraphicalProperties
    from openpyxl.drawing.line import LineProperties

    chart.title = preset.title
    chart.height, chart.width = 14, 28
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.x_axis.tickLblPos = "low"  # below the bars of negative amounts
    chart.y_axis.number_format = "#,##0"
    chart.y_axis.majorGridlines = ChartLines(GraphicalProperties(ln=LineProperties(solidFill=_GRID)))
    if len(chart.series) == 1:
        chart.legend = None
    if isinstance(chart, BarChart):
        chart.gapWidth = 40
    for series, colour in zip(chart.series, PALETTE, strict=False):
        rgb = colour.removeprefix("#")
        series.graphicalProperties.solidFill = rgb
        series.graphicalProperties.line.solidFill = rgb
        series.smooth = False
