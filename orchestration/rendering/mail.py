"""The bodies of a report's mail: plain text, and HTML for mail programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.rendering.html import load_layouts
from orchestration.rendering.text import format_text_table
from orchestration.rendering.truncation import describe_truncation, truncate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.reporting.report import Provenance
    from orchestration.reporting.table import ReportTable

_HTML_COLUMNS, _TEXT_COLUMNS = 12, 6
"""The number of columns that fit on a screen, and in a line of text."""


def render_mail_bodies(
    table: ReportTable,
    info: Sequence[tuple[str, str]],
    provenance: Provenance,
    *,
    chart_cid: str | None = None,
    notes: Sequence[str] = (),
) -> tuple[str, str]:
    """Return the plain text and the HTML of a mail with the report.

    `info` is the result of `info_lines`. `chart_cid` is the content id of an attached picture of
    the chart. `notes` are sentences for the reader, such as which file was too large to attach. A
    mail shows the last columns of a wide table and the first of many packages, and says so.
    """
    shared = {
        "info": info,
        "facts": dict(info),
        "provenance": provenance,
        "notes": notes,
        "chart_cid": chart_cid,
    }
    text_part, html_part = truncate(table, _TEXT_COLUMNS), truncate(table, _HTML_COLUMNS)
    text = load_layouts().get_template("mail.txt.j2")
    html = load_layouts().get_template("mail.html.j2")
    return (
        text.render(
            shared, table=format_text_table(text_part), truncation=describe_truncation(table, text_part)
        ),
        _inline_styles(
            html.render(shared, table=html_part, truncation=describe_truncation(table, html_part))
        ),
    )


def _inline_styles(html: str) -> str:
    """Move the styles into the elements, because many mail programs drop a style sheet."""
    import css_inline

    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, minify_css=True).inline(
        html
    )
