"""The report table as bytes that people open: CSV, XLSX, XLS, JSON, HTML, text, mail bodies and charts.

Every output is a projection of one `ReportTable`: it shows the same cells, and computes none.
"""

from orchestration.rendering.chart import CHARTS, ROWS, Chart, Mark, Plot, plot, preset_named
from orchestration.rendering.drawing import draw, vega_script
from orchestration.rendering.formats import FORMATS, Format, render, render_listing, table_json
from orchestration.rendering.info import info_lines
from orchestration.rendering.mail import mail_bodies
from orchestration.rendering.markup import html_table, layouts
from orchestration.rendering.text import markdown_table, text_table
from orchestration.rendering.vega import chart_png, chart_spec, chart_svg
from orchestration.reporting.report import Progress

__all__ = [
    "CHARTS",
    "FORMATS",
    "ROWS",
    "Chart",
    "Format",
    "Mark",
    "Plot",
    "Progress",
    "chart_png",
    "chart_spec",
    "chart_svg",
    "draw",
    "html_table",
    "info_lines",
    "layouts",
    "mail_bodies",
    "markdown_table",
    "plot",
    "preset_named",
    "render",
    "render_listing",
    "table_json",
    "text_table",
    "vega_script",
]
