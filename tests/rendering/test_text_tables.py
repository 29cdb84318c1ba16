"""A table as text is aligned, and a name cannot control a terminal or a Markdown page."""

from rendering_tables import HOSTILE, block, table, table_by_package

from orchestration.rendering import format_text_table, markdown_table
from orchestration.reporting.table import ReportTable


def test_a_text_table_has_headings_and_aligned_columns():
    lines = format_text_table(
        ReportTable(("01/2018", "02/2018"), (block(columns=2, quantity=1234),))
    ).splitlines()
    assert lines[:4] == [
        "                    01/2018  02/2018",
        "Clients - Active",
        "  Qty                     0    1,234",
        "  Balance Pos           N/A   -12.50",
    ]
    assert len(lines) == 1 + 21 + 6


def test_a_name_is_one_short_printable_line():
    text = format_text_table(table_by_package(*HOSTILE, "x" * 100))
    assert all(line.isprintable() for line in text.split("\n"))
    assert "== bell and escape ==" in text
    assert f"== {'x' * 59}… ==" in text


def test_markdown_escapes_names():
    lines = markdown_table(table_by_package("a|b", "<b>*x*</b>")).splitlines()
    assert lines[0] == "| Package | Section | Metric | 01/2018 | 02/2018 | 03/2018 |"
    assert lines[2] == r"| a\|b | Clients - Active | Qty | 0 | 7 | 7 |"
    assert lines[2 + 21].startswith(r"| &lt;b&gt;\*x\*&lt;/b&gt; |")


def test_markdown_of_a_large_table_is_truncated():
    text = markdown_table(table(400))
    assert text.splitlines()[0].count("|") == 1 + 2 + 12
    assert text.endswith(
        "This is an excerpt: the last 12 of 400 columns. The files and the link have the whole table."
    )
