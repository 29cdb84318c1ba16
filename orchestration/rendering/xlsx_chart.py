"""The chart sheet of the XLSX workbook: a native chart over cells of its own, where N/A is an empty cell.

Over the report's cells it would draw the text `N/A` as a zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from orchestration.rendering.chart import PALETTE, Chart, Plot
from orchestration.rendering.spreadsheet import LINE_HEIGHT, Role, SheetCell
from orchestration.rendering.xlsx_cells import SheetRows

if TYPE_CHECKING:
    from openpyxl.chart import BarChart, LineChart
    from openpyxl.worksheet.worksheet import Worksheet

    from orchestration.reporting.table import Cell

_HEAD = 30
"""The row of the cells' header, under the chart."""
_GRID = "D9E2EC"
_COLUMN_WIDTH = 20


def draw_chart(sheet: Worksheet, preset: Chart, series: int, length: int) -> None:
    """Draws the chart of `preset` on an empty sheet, over `chart_rows` of so many series of so many cells each.

    Bars for one series, lines for several; N/A is a gap.
    """
    from openpyxl.chart import BarChart, LineChart, Reference

    chart = BarChart() if series == 1 else LineChart()
    if series and length:
        bottom = _HEAD + length
        numbers = Reference(sheet, min_col=2, max_col=1 + series, min_row=_HEAD, max_row=bottom)
        chart.add_data(numbers, titles_from_data=True)
        chart.set_categories(Reference(sheet, min_col=1, min_row=_HEAD + 1, max_row=bottom))
    _style(chart, preset)
    sheet.add_chart(chart, "A1")
    sheet.sheet_format.defaultColWidth = _COLUMN_WIDTH


def chart_rows(drawn: Plot) -> SheetRows:
    """The cells that the chart is drawn over."""
    header = [SheetCell("", Role.HEADER), *(SheetCell(name, Role.COLUMN) for name, _ in drawn.series)]
    columns = zip(drawn.labels, *(cells for _, cells in drawn.series), strict=True)
    below = [[SheetCell(label, Role.METRIC), *map(_cell, cells)] for label, *cells in columns]
    return SheetRows([header, *below], 2 * LINE_HEIGHT, _HEAD)


def _cell(cell: Cell) -> SheetCell:
    if cell is None:
        return SheetCell("", Role.NOT_AVAILABLE)
    return SheetCell(cell, Role.MONEY if isinstance(cell, Decimal) else Role.QUANTITY)


def _style(chart: BarChart | LineChart, preset: Chart) -> None:
    from openpyxl.chart import BarChart
    from openpyxl.chart.axis import ChartLines
    from openpyxl.chart.shapes import GraphicalProperties
    from openpyxl.drawing.line import LineProperties

    chart.title = preset.title
    chart.height, chart.width = 14, 28
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.x_axis.tickLblPos = "low"  # under the bars of charges, which hang down
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
