"""A listing has the same cells in every format, and its text cannot run."""

import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import openpyxl
import pytest
import xlrd
from rendering_tables import HOSTILE

from orchestration.errors import RequestError
from orchestration.rendering import render_listing

KYIV = timezone(timedelta(hours=2))
COLUMNS = ("Client", "=Name", "Qty", "Balance", "Created", "Last paid")
ROWS = [
    (
        f"c{number}",
        name,
        number,
        Decimal("-1234567890123456.78"),
        datetime(2018, 1, 2, 3, 4, 5, tzinfo=KYIV),
        None,
    )
    for number, name in enumerate(HOSTILE)
]


def render(fmt, rows=ROWS, columns=COLUMNS):
    file = io.BytesIO()
    render_listing(columns, iter(rows), fmt, file)
    return file.getvalue()


def sheet_text(text):
    lines = text.replace("\r", "\n")
    return "".join(sign if sign.isprintable() or sign in "\t\n" else "\ufffd" for sign in lines)


def test_csv_is_plain_and_has_no_formulas():
    header, first, *_ = csv.reader(io.StringIO(render("csv").decode("utf-8-sig"), newline=""))
    assert header == ["Client", "'=Name", "Qty", "Balance", "Created", "Last paid"]
    assert first == ["c0", f"'{HOSTILE[0]}", "0", "-1234567890123456.78", "2018-01-02 03:04:05+02:00", ""]


@pytest.mark.parametrize("name", ["=1", "+1", "-1", "@1", "\t1", "\r1"])
def test_only_text_that_begins_a_formula_is_neutralized(name):
    harmless = ["", "A", "a", "'=1", " =1", "?", "9", "É", "\U0001f600"]
    _, *lines = csv.reader(
        io.StringIO(
            render("csv", [(text,) for text in (name, *harmless)], ("Name",)).decode("utf-8-sig"),
            newline="",
        )
    )
    assert [line[0] if line else "" for line in lines] == [f"'{name}", *harmless]


def test_money_in_csv_has_no_exponent():
    content = render("csv", [(Decimal("1E+3"), Decimal("-0E-9"), Decimal("12.50"))], ("a", "b", "c"))
    assert content.decode("utf-8-sig") == "a,b,c\r\n1000,-0.000000000,12.50\r\n"


def test_xlsx_has_typed_cells_and_text_stays_text():
    sheet = openpyxl.load_workbook(io.BytesIO(render("xlsx")))["Listing"]
    rows = list(sheet.iter_rows(min_row=2))
    assert [row[1].value for row in rows] == [sheet_text(name) for name in HOSTILE]
    assert {row[1].data_type for row in rows} == {"s"}
    assert [cell.value for cell in rows[3]][2:] == [
        3,
        -1234567890123456.78,
        datetime(2018, 1, 2, 3, 4, 5),
        None,
    ]
    assert (sheet["D2"].number_format, sheet.freeze_panes) == ("#,##0.00;[Red]-#,##0.00", "A2")
    assert [str(row[1].value)[0] for row in rows if row[1].quotePrefix] == ["=", "+", "-", "@"]


def test_xls_has_typed_cells():
    sheet = xlrd.open_workbook(file_contents=render("xls")).sheet_by_name("Listing")
    assert sheet.col_values(1)[1:] == [sheet_text(name) for name in HOSTILE]
    assert sheet.row_values(4)[2:] == [3, -1234567890123456.78, pytest.approx(43102.1278356), ""]


def test_a_long_xls_listing_has_a_second_sheet():
    rows = ((f"c{number}", number) for number in range(70_000))
    first, second = xlrd.open_workbook(file_contents=render("xls", rows, ("Client", "Qty"))).sheets()
    assert (first.name, first.nrows, second.name, second.nrows) == ("Listing", 65_536, "Listing 2", 4466)
    assert second.row_values(0) == ["Client", "Qty"]
    assert (second.cell_value(1, 0), second.cell_value(4465, 0)) == ("c65535", "c69999")


def test_a_time_before_1900_is_text():
    old = [(datetime(1850, 1, 2, tzinfo=UTC),)]
    sheet = openpyxl.load_workbook(io.BytesIO(render("xlsx", old, ("At",))))["Listing"]
    assert sheet["A2"].value == "1850-01-02 00:00:00+00:00"
    sheet = xlrd.open_workbook(file_contents=render("xls", old, ("At",))).sheet_by_name("Listing")
    assert sheet.cell_value(1, 0) == "1850-01-02 00:00:00+00:00"


@pytest.mark.parametrize("fmt", ["csv", "xlsx", "xls"])
def test_an_empty_listing_has_its_headings(fmt):
    assert render(fmt, [])


def test_an_unknown_format_is_refused_with_a_list():
    with pytest.raises(RequestError, match="use csv, xlsx, xls"):
        render("pdf")


@pytest.mark.parametrize("fmt", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_rows(fmt, tmp_path):
    def peak(rows):
        tracemalloc.start()
        with (tmp_path / "listing").open("wb") as file:
            render_listing(("A", "B"), ((f"c{n}", n) for n in range(rows)), fmt, file)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak_bytes

    peak(10)
    assert peak(20_000) < 1.2 * peak(2_000)
