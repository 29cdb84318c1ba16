"""A table in text is aligned for the eye, and no name in it steers a terminal or a Markdown page."""

from rendering_tables import HOSTILE, block, table, table_by_package

from orchestration.rendering import markdown_table, text_table
from orchestration.reporting.table import ReportTable


def test_a_terminal_shows_sections_as_headings_over_aligned_columns():
    lines = text_table(ReportTable(("01/2018", "02/2018"), (block(columns=2, quantity=1234),))).splitlines()
    assert lines[:4] == [
        "                    01/2018  02/2018",
        "Clients - Active",
        "  Qty                     0    1,234",
        "  Balance Pos           N/A   -12.50",
    ]
    assert len(lines) == 1 + 21 + 6


def test_a_terminal_gets_no_control_characters_and_no_endless_names():
    text = text_table(table_by_package(*HOSTILE, "x" * 100))
    assert all(line.isprintable() for line in text.split("\n"))
    assert "== bell and escape ==" in text
    assert f"== {'x' * 59}… ==" in text


def test_markdown_shows_names_as_they_are():
    lines = markdown_table(table_by_package("a|b", "<b>*x*</b>")).splitlines()
    assert lines[0] == "| Package | Section | Metric | 01/2018 | 02/2018 | 03/2018 |"
    assert lines[2] == r"| a\|b | Clients - Active | Qty | 0 | 7 | 7 |"
    assert lines[2 + 21].startswith(r"| &lt;b&gt;\*x\*&lt;/b&gt; |")


def test_markdown_of_a_large_table_is_short_and_says_so():
    text = markdown_table(table(400))
    assert text.splitlines()[0].count("|") == 1 + 2 + 12
    assert text.endswith(
        "Shown here: the last 12 of 400 columns. The rest is in the files and behind the link."
    )
