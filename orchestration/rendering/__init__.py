"""Renders the report table: CSV, XLSX, XLS, JSON, HTML, text, mail bodies and charts.

Every output shows the cells of one `ReportTable` and computes none.
"""

from orchestration.rendering.chart import (
    CHART_PRESETS,
    Chart,
    ChartData,
    Mark,
    build_chart_rows,
    find_chart_preset,
    select_chart_data,
)
from orchestration.rendering.chart_process import build_vega_script, draw_chart
from orchestration.rendering.formats import FORMATS, Format, render, render_listing, render_table_json
from orchestration.rendering.html import html_table, load_layouts
from orchestration.rendering.info import info_lines
from orchestration.rendering.mail import render_mail_bodies
from orchestration.rendering.text import format_text_table, markdown_table, to_sentence
from orchestration.rendering.vega import build_chart_spec, render_chart_png, render_chart_svg

__all__ = [
    "CHART_PRESETS",
    "FORMATS",
    "Chart",
    "ChartData",
    "Format",
    "Mark",
    "build_chart_rows",
    "build_chart_spec",
    "build_vega_script",
    "draw_chart",
    "find_chart_preset",
    "format_text_table",
    "html_table",
    "info_lines",
    "load_layouts",
    "markdown_table",
    "render",
    "render_chart_png",
    "render_chart_svg",
    "render_listing",
    "render_mail_bodies",
    "render_table_json",
    "select_chart_data",
    "to_sentence",
]
