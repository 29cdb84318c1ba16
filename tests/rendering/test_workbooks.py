"""A workbook has typed cells, its info panel and its chart, and its text cannot run."""

import io
from dataclasses import replace
from datetime import datetime, timedelta

import openpyxl
import pytest
import xlrd
from rendering_tables import HOSTILE, MOMENT, PROVENANCE, block, labels, report, table, table_by_package

from orchestration.errors import RequestError
from orchestration.rendering import info_lines, render
from orchestration.reporting.table import Block, ReportTable


def open_workbook(of, **options):
    return load(render(report(of), PROVENANCE, "xlsx", **options))


def load(content):
    return openpyxl.load_workbook(io.BytesIO(content))


def test_numbers_are_formatted_and_stay_numbers():
    sheet = open_workbook(table())["Report"]
    assert [cell.number_format for cell in (sheet["D2"], sheet["D3"])] == ["#,##0", "#,##0.00;[Red]-#,##0.00"]
    na = sheet["C3"]
    assert (na.value, na.alignment.horizontal) == ("N/A", "right")
    assert na.font.color.rgb != sheet["D3"].font.color.rgb


def test_headers_stay_visible_on_screen_and_paper():
    sheet = open_workbook(table_by_package("Gold"))["Report"]
    assert sheet.freeze_panes == "D2"
    assert (sheet.print_title_rows, sheet.print_title_cols) == ("$1:$1", "$A:$C")
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToWidth) == ("landscape", 1)


def test_text_that_looks_like_a_formula_or_an_error_is_text():
    sheet = open_workbook(ReportTable(HOSTILE, (block(columns=len(HOSTILE)),)))["Report"]
    header = [cell for cell in sheet[1] if cell.column > 2]
    assert {cell.data_type for cell in header} == {"s"}
    assert [cell.value[0] for cell in header if cell.quotePrefix] == ["=", "+", "-", "@"]


def test_a_title_with_control_codes_is_harmless():
    provenance = replace(PROVENANCE, title="&P=1+1\x00\x07" * 60)
    content = render(report(table()), provenance, "xlsx")
    assert load(content)["Info"]["B1"].value.startswith("&P=1+1\ufffd\ufffd")
    assert xlrd.open_workbook(file_contents=render(report(table()), provenance, "xls"))


def test_the_info_sheet_is_the_info_panel():
    lines = info_lines(report(table()), PROVENANCE)
    sheet = open_workbook(table())["Info"]
    assert [tuple(row) for row in sheet.iter_rows(values_only=True)] == lines
    sheet = xlrd.open_workbook(file_contents=render(report(table()), PROVENANCE, "xls")).sheet_by_name("Info")
    assert [tuple(sheet.row_values(y)) for y in range(sheet.nrows)] == lines


def test_the_file_has_the_time_of_the_report():
    properties = open_workbook(table()).properties
    time = datetime(MOMENT.year, MOMENT.month, MOMENT.day, 5, 0, 7)
    assert (properties.created, properties.modified) == (time, time)


def test_the_cells_of_a_chart_are_empty_for_na():
    sheet = open_workbook(table_by_package("Gold", "=Silver"), chart="balance_refill_total")["Chart"]
    (chart,) = sheet._charts
    assert [series.val.numRef.f for series in chart.series] == ["'Chart'!$B$31:$B$33", "'Chart'!$C$31:$C$33"]
    assert [list(row) for row in sheet.iter_rows(min_row=30, max_row=32, values_only=True)] == [
        [None, "Gold", "=Silver"],
        ["01/2018", None, None],
        ["02/2018", -12.5, -12.5],
    ]
    assert chart.display_blanks == "gap"


def test_workbooks_of_one_shape_share_no_content():
    """Their template is made once. It must keep nothing of a report."""
    chart = "clients_active_qty"
    before = render(report(table()), PROVENANCE, "xlsx", chart=chart)
    other = replace(PROVENANCE, title="{heading} & {title}", generated_at=MOMENT + timedelta(days=400))
    zeros = tuple((0,) * 3 if row[1] == 7 else (None,) * 3 for row in block(columns=3).cells)
    empty = load(render(report(ReportTable(labels(3), (Block(None, zeros),))), other, "xlsx", chart=chart))
    assert empty.properties.title == "{heading} & {title}"
    assert empty.properties.created.year == MOMENT.year + 1
    assert empty["Report"].oddHeader.left.text == "{heading} && {title}"
    assert empty["Info"]["B1"].value == "{heading} & {title}"
    assert {cell.value for row in empty["Report"].iter_rows(min_row=2, min_col=3) for cell in row} == {
        0,
        "N/A",
    }
    assert [row[1] for row in empty["Chart"].iter_rows(min_row=31, values_only=True)] == [0, 0, 0]
    assert render(report(table()), PROVENANCE, "xlsx", chart=chart) == before


def test_a_table_wider_than_a_sheet_is_refused():
    wide = ReportTable(tuple(map(str, range(16_383))), (block(columns=16_383),))
    with pytest.raises(RequestError, match=r"16,385 columns.*use csv"):
        render(report(wide), PROVENANCE, "xlsx")


@pytest.mark.parametrize(("fmt", "chart"), [("pdf", None), ("csv", "profit")])
def test_an_unknown_format_or_chart_is_refused_with_a_list(fmt, chart):
    with pytest.raises(RequestError, match=r"csv, xlsx|clients_active_qty, "):
        render(report(table()), PROVENANCE, fmt, chart=chart)
