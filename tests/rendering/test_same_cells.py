"""Every format has the same cells. An independent reader reads each of them back."""

import csv
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pytest
import xlrd
from hypothesis import HealthCheck, given, settings
from rendering_tables import PROVENANCE, block, labels, report, table, table_by_package, tables

from orchestration.rendering import FORMATS, html_table, render
from orchestration.reporting.table import Block, ReportTable

ANY_TABLE: list[Callable[[Any], Any]] = [
    given(tables()),
    settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck)),
]


def for_any_table(test):
    for decorator in reversed(ANY_TABLE):
        test = decorator(test)
    return test


def grid(of):
    """Return the table as rows of texts and numbers, which every reader must find."""
    return [
        of.header(),
        *([*texts, *("N/A" if cell is None else cell for cell in cells)] for texts, _, cells in of.rows()),
    ]


def as_sheet(rows):
    """Return the rows as a worksheet holds them: LF, no control characters, binary numbers."""

    def cell(value):
        if isinstance(value, str):
            lines = value.replace("\r\n", "\n").replace("\r", "\n")
            return re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", lines)
        return float(value)

    return [[cell(value) for value in row] for row in rows]


def render_as(of, fmt):
    return render(report(of), PROVENANCE, fmt)


@for_any_table
def test_csv_has_the_cells_as_plain_text(of):
    text = render_as(of, "csv").decode("utf-8")
    assert text.startswith("\ufeff")
    read = list(csv.reader(io.StringIO(text[1:], newline="")))

    def format_value(value):
        if isinstance(value, str):
            return f"'{value}" if value[0] in "=+-@\t\r" else value
        return f"{value:.2f}" if isinstance(value, Decimal) else str(value)

    assert read == [[format_value(value) for value in row] for row in grid(of)]


@for_any_table
def test_xlsx_has_the_cells_as_typed_values(of):
    sheet = openpyxl.load_workbook(io.BytesIO(render_as(of, "xlsx")))["Report"]
    read = [list(row) for row in sheet.iter_rows()]
    assert [[cell.value for cell in row] for row in read] == as_sheet(grid(of))
    assert {cell.data_type for row in read for cell in row} <= {"s", "n"}


@for_any_table
def test_xls_has_the_cells_as_typed_values(of):
    sheet = xlrd.open_workbook(file_contents=render_as(of, "xls")).sheet_by_name("Report")
    assert [sheet.row_values(y) for y in range(sheet.nrows)] == as_sheet(grid(of))


@for_any_table
def test_json_is_the_table_to_the_last_cent(of):
    assert ReportTable.from_json(json.loads(render_as(of, "json"))["table"]) == of


@for_any_table
def test_html_has_the_cells_below_their_headings(of):
    expected = grid(of) if of.blocks else []
    assert HtmlTable(html_table(of)).grid(of.by_package) == [
        [value if isinstance(value, str) else format_html(value) for value in row] for row in expected
    ]


def format_html(value):
    return f"{value:,}".replace(",", "\u202f").replace("-", "\u2212")


class HtmlTable(HTMLParser):
    """The tables of a report page by package, with the class and the cells of each row."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.package, self.inside = [], None, None
        self.feed(str(html))

    def handle_starttag(self, tag, attrs):
        if tag == "summary":
            self.package, self.inside = "", "summary"
        elif tag == "table":
            self.tables.append((self.package, []))
        elif tag == "tr":
            self.tables[-1][1].append((dict(attrs).get("class"), []))
        elif tag in ("td", "th"):
            self.inside = tag
            self.tables[-1][1][-1][1].append(["", dict(attrs).get("class")])
        else:
            assert tag in ("thead", "tbody", "details", "div", "span", "p")

    def handle_endtag(self, tag):
        if tag == self.inside:
            self.inside = None

    def handle_data(self, data):
        if self.inside == "summary":
            self.package += data
        elif self.inside:
            self.tables[-1][1][-1][1][-1][0] += data

    @property
    def rows(self):
        return [row for _, rows in self.tables for row in rows]

    def grid(self, by_package):
        """Return the rows of the report, with package and section from the headings above them."""
        grid = []
        for package, rows in self.tables:
            above = [package] if by_package else []
            for kind, cells in rows:
                texts = [text for text, _ in cells]
                if kind == "section":
                    section = texts
                elif texts[0] == "Metric":
                    heading = [*(["Package"] if by_package else []), "Section", *texts]
                    grid += [heading] if heading not in grid else []
                else:
                    grid.append([*above, *section, *texts])
        return grid


def test_html_marks_na_and_negative_cells():
    cells = [cell for kind, cells in HtmlTable(html_table(table())).rows if kind is None for cell in cells]
    assert {tuple(cell) for cell in cells if cell[1]} == {("N/A", "na"), ("\u221212.50", "negative")}


def test_the_stretches_of_a_wide_html_table_are_complete():
    wide = table(100)
    names, *stretches = HtmlTable(html_table(wide)).tables
    assert [len(rows[0][1]) - 1 for _, rows in stretches] == [32, 32, 32, 4]
    assert [label for _, rows in stretches for label, _ in rows[0][1][1:]] == list(wide.columns)
    for at, (kind, (name, *_)) in enumerate(names[1]):
        rows = [rows[at] for _, rows in stretches]
        assert {(row_kind, cells[0][0]) for row_kind, cells in rows} == {(kind, name[0])}
        if kind is None and at:
            assert sum(len(cells) - 1 for _, cells in rows) == 100


def test_a_year_by_day_is_complete_in_every_format():
    wide = table(366)
    expected = as_sheet(grid(wide))
    sheet = openpyxl.load_workbook(io.BytesIO(render_as(wide, "xlsx")))["Report"]
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == expected
    assert len(next(csv.reader(io.StringIO(render_as(wide, "csv").decode("utf-8-sig"))))) == 368

    first, second, _ = xlrd.open_workbook(file_contents=render_as(wide, "xls")).sheets()
    assert (first.ncols, second.ncols) == (256, 2 + 366 - 254)
    assert [first.row_values(y) + second.row_values(y)[2:] for y in range(first.nrows)] == expected
    assert second.row_values(1)[:2] == ["Clients - Active", "Qty"]


def test_a_long_xls_has_a_second_sheet():
    tall = table_by_package(*[f"Package {n}" for n in range(3121)], columns=1)
    first, second, _ = xlrd.open_workbook(file_contents=render_as(tall, "xls")).sheets()
    assert (first.nrows, second.nrows) == (65_536, 1 + 3121 * 21 - 65_535)
    assert second.row_values(0) == first.row_values(0)
    assert second.row_values(second.nrows - 1)[:3] == ["Package 3120", "Packages", "Renew Total"]


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_report_without_packages_is_a_file(fmt):
    assert render_as(ReportTable(labels(2), (), by_package=True), fmt)


def test_csv_has_bom_crlf_and_quotes():
    of = ReportTable(("-1+1", 'Gold, "plus"'), (block(columns=2),))
    assert render_as(of, "csv").splitlines(keepends=True)[:3] == [
        b'\xef\xbb\xbfSection,Metric,\'-1+1,"Gold, ""plus"""\r\n',
        b"Clients - Active,Qty,0,7\r\n",
        b"Clients - Active,Balance Pos,N/A,-12.50\r\n",
    ]


def test_xlsx_keeps_the_cents_of_18_digits():
    import zipfile

    amount = Decimal("1234567890123456.78")
    cells = tuple((amount,) if isinstance(row[1], Decimal) else (1,) for row in block(columns=2).cells)
    content = render_as(ReportTable(("Total",), (Block(None, cells),)), "xlsx")
    assert b"<v>1234567890123456.78</v>" in zipfile.ZipFile(io.BytesIO(content)).read(
        "xl/worksheets/sheet1.xml"
    )
