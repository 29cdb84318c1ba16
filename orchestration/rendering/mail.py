"""The two bodies of a report's mail: plain text, and HTML that mail programs show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.rendering.excerpt import excerpt, left_out
from orchestration.rendering.markup import layouts
from orchestration.rendering.text import text_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.reporting.report import Provenance
    from orchestration.reporting.table import ReportTable

_HTML_COLUMNS, _TEXT_COLUMNS = 12, 6
"""What fits a screen, and a line of text."""


def mail_bodies(
    table: ReportTable,
    info: Sequence[tuple[str, str]],
    provenance: Provenance,
    *,
    chart_cid: str | None = None,
    notes: Sequence[str] = (),
) -> tuple[str, str]:
    """The plain text and the HTML of a mail with the report in it.

    `info` is what `info_lines` gave. `chart_cid` names an attached picture of the chart; `notes` are sentences
    for the reader, such as what was not attached. A wide table is shown by its last columns, one of many
    packages by its first, and both bodies say so.
    """
    shared = {
        "info": info,
        "facts": dict(info),
        "provenance": provenance,
        "notes": notes,
        "chart_cid": chart_cid,
    }
    few, some = excerpt(table, _TEXT_COLUMNS), excerpt(table, _HTML_COLUMNS)
    text = layouts().get_template("mail.txt.j2")
    html = layouts().get_template("mail.html.j2")
    return (
        text.render(shared, table=text_table(few), left_out=left_out(table, few)),
        _inlined(html.render(shared, table=some, left_out=left_out(table, some))),
    )


def _inlined(html: str) -> str:
    """The HTML with its styles on the elements: many mail programs drop a style sheet. Nothing is fetched."""
    import css_inline

    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, minify_css=True).inline(
        html
    )
