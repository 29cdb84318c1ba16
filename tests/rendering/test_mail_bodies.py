"""A mail is readable in programs that drop style sheets, block pictures or show only text."""

import re

from rendering_tables import HOSTILE, PROVENANCE, block, labels, report, table, table_by_package

from orchestration.rendering import info_lines, render_mail_bodies
from orchestration.reporting.table import ReportTable


def render_bodies(of, **options):
    return render_mail_bodies(of, info_lines(report(of), PROVENANCE), PROVENANCE, **options)


def test_both_bodies_have_table_link_and_info_panel():
    text, html = render_bodies(table())
    for words in (
        "Balance Refill",
        "02/2018",
        "-12.50",
        "Last 12 months: 2024-01-01",
        "Amounts in USD",
        "schedule",
    ):
        assert words in text
        assert words.replace("-12", "\u221212") in html
    assert "https://reports.example/view?id=abc&def" in text
    assert html.count('href="https://reports.example/view?id=abc&amp;def"') == 2


def test_styles_are_on_the_elements_except_dark_mode():
    _, html = render_bodies(table())
    assert re.search(
        r'<td style="[^"]*text-align:right[^"]*" class="negative">\u221212.50</td>', html
    ) or re.search(r'<td class="negative" style="[^"]*text-align:right[^"]*">\u221212.50</td>', html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style.strip().startswith("@media (prefers-color-scheme: dark)")


def test_a_mail_loads_nothing_from_outside():
    _, html = render_bodies(table(), chart_cid="chart@reports")
    assert re.findall(r'src="([^"]*)"', html) == ["cid:chart@reports"]
    assert not re.search(r"<link|<script|url\(|@import", html)
    assert "<img" not in render_bodies(table())[1]


def test_names_are_escaped():
    text, html = render_bodies(table_by_package(*HOSTILE[6:9]), notes=["<b>Too large</b>"])
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;b&gt;Too large&lt;/b&gt;" in html
    assert "== two lines ==" in text
    assert "<b>Too large</b>" in text


def test_a_wide_table_is_truncated_and_says_so():
    assert "This is an excerpt" not in render_bodies(table(13))[1]
    text, html = render_bodies(table(14))
    assert "This is an excerpt: the last 12 of 14 columns." in html
    assert html.count('scope="col"') == 1 + 12
    assert "the last 6 of 14 columns" in text
    assert "03/2018" in html
    assert "02/2018" not in html


def test_a_large_report_stays_below_the_limit_of_mail_programs():
    large = ReportTable(
        labels(400), tuple(block(f"Package {n}", 400, 10**6, 10**8) for n in range(50)), by_package=True
    )
    _, html = render_bodies(large, chart_cid="chart")
    assert "the last 12 of 400 columns of the first 3 of 50 packages" in html
    assert len(html.encode()) < 102_000


def test_the_columns_of_the_text_are_aligned():
    text, _ = render_bodies(ReportTable(("Gold", "x" * 80, "a\nb"), (block(),)))
    lines = [
        line for line in text.splitlines() if line.startswith("  ") and not re.match(r"  \w[\w ]*:", line)
    ]
    assert len(lines) == 22
    assert len({len(line) for line in lines}) == 1
    assert "x" * 19 + "…" in lines[0]


def test_a_report_without_packages_says_so():
    for body in render_bodies(table_by_package()):
        assert "No package has a client in scope." in body
