"""The mail is readable by itself: in programs that drop style sheets, block pictures or show text only."""

import re

from rendering_tables import HOSTILE, PROVENANCE, block, labels, report, table, table_by_package

from orchestration.rendering import info_lines, mail_bodies
from orchestration.reporting.table import ReportTable


def bodies(of, **options):
    return mail_bodies(of, info_lines(report(of), PROVENANCE), PROVENANCE, **options)


def test_both_bodies_hold_the_table_the_link_and_the_info_panel():
    text, html = bodies(table())
    for said in (
        "Balance Refill",
        "02/2018",
        "-12.50",
        "Last 12 months: 2024-01-01",
        "Amounts in USD",
        "schedule",
    ):
        assert said in text
        assert said.replace("-12", "\u221212") in html
    assert "https://reports.example/view?id=abc&def" in text
    assert html.count('href="https://reports.example/view?id=abc&amp;def"') == 2


def test_styles_are_on_the_elements_and_only_dark_mode_is_left_in_the_head():
    _, html = bodies(table())
    assert re.search(
        r'<td style="[^"]*text-align:right[^"]*" class="negative">\u221212.50</td>', html
    ) or re.search(r'<td class="negative" style="[^"]*text-align:right[^"]*">\u221212.50</td>', html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style.strip().startswith("@media (prefers-color-scheme: dark)")


def test_nothing_is_loaded_from_outside():
    _, html = bodies(table(), chart_cid="chart@reports")
    assert re.findall(r'src="([^"]*)"', html) == ["cid:chart@reports"]
    assert not re.search(r"<link|<script|url\(|@import", html)
    assert "<img" not in bodies(table())[1]


def test_names_are_shown_and_never_run():
    text, html = bodies(table_by_package(*HOSTILE[6:9]), notes=["<b>Too large</b>"])
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;b&gt;Too large&lt;/b&gt;" in html
    assert "== two lines ==" in text
    assert "<b>Too large</b>" in text


def test_a_year_by_month_is_whole_and_a_wider_table_says_what_is_left_out():
    assert "Shown here" not in bodies(table(13))[1]
    text, html = bodies(table(14))
    assert "Shown here: the last 12 of 14 columns. The rest is in the files and behind the link." in html
    assert html.count('scope="col"') == 1 + 12
    assert "the last 6 of 14 columns" in text
    assert "03/2018" in html
    assert "02/2018" not in html


def test_a_large_report_stays_below_what_mail_programs_cut_off():
    large = ReportTable(
        labels(400), tuple(block(f"Package {n}", 400, 10**6, 10**8) for n in range(50)), by_package=True
    )
    _, html = bodies(large, chart_cid="chart")
    assert "the last 12 of 400 columns of the first 3 of 50 packages" in html
    assert len(html.encode()) < 102_000


def test_the_columns_of_the_text_are_aligned():
    text, _ = bodies(ReportTable(("Gold", "x" * 80, "a\nb"), (block(),)))
    lines = [
        line for line in text.splitlines() if line.startswith("  ") and not re.match(r"  \w[\w ]*:", line)
    ]
    assert len(lines) == 22
    assert len({len(line) for line in lines}) == 1
    assert "x" * 19 + "…" in lines[0]


def test_a_report_without_packages_says_so():
    for body in bodies(table_by_package()):
        assert "No package has a client in scope." in body
