"""The report table as bytes that people open: CSV, XLSX, XLS, JSON, HTML, text, mail bodies and charts.

Every output is a projection of one `ReportTable`: it shows the same cells, and computes none.
"""

from orchestration.rendering.chart import CHARTS, ChartPreset
from orchestration.rendering.formats import FORMATS, Format, render
from orchestration.rendering.info import info_lines
from orchestration.rendering.mail import mail_bodies
from orchestration.rendering.markup import html_table, layouts
from orchestration.rendering.text import markdown_table, text_table
from orchestration.rendering.vega import chart_png, chart_spec, chart_svg

__all__ = [
    "CHARTS",
    "FORMATS",
    "ChartPreset",
    "Format",
    "chart_png",
    "chart_spec",
    "chart_svg",
    "html_table",
    "info_lines",
    "layouts",
    "mail_bodies",
    "markdown_table",
    "render",
    "text_table",
]
