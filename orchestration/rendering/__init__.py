"""Renders the report table: CSV, XLSX, XLS, JSON, HTML, text, mail bodies and charts.

Every output shows the cells of one `ReportTable` and computes none.
"""

from orchestration.rendering.chart import (
    CHART_PRESETS,
    Chart,
    ChartData,
    Mark,
    chart_rows,
    find_chart_preset,
    select_chart_data,
)
from orchestration.rendering.chart_process import build_vega_script, draw_chart
from orchestration.rendering.formats import FORMATS, Format, render, render_listing, table_json
from orchestration.rendering.html import html_table, layouts
from orchestration.rendering.info import info_lines
from orchestration.rendering.mail import mail_bodies
from orchestration.rendering.text import markdown_table, text_table
from orchestration.rendering.vega import chart_png, chart_spec, chart_svg

__all__ = [
    "CHART_PRESETS",
    "FORMATS",
    "Chart",
    "ChartData",
    "Format",
    "Mark",
    "build_vega_script",
    "chart_png",
    "chart_rows",
    "chart_spec",
    "chart_svg",
    "draw_chart",
    "find_chart_preset",
    "html_table",
    "info_lines",
    "layouts",
    "mail_bodies",
    "markdown_table",
    "render",
    "render_listing",
    "select_chart_data",
    "table_json",
    "text_table",
]
