"""The commands turn the golden extract into the golden report."""

import csv
import io
import json

import openpyxl
import pytest
import xlrd
from cli_harness import GOLDEN, GOLDEN_QUERY
from starlette.testclient import TestClient

from orchestration.connections import open_archive
from orchestration.web.app import create_app

EXPECTED = (GOLDEN / "expected.csv").read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
ROWS = list(csv.reader(io.StringIO(EXPECTED.decode())))


def to_lf(stored: bytes) -> bytes:
    return stored.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


def test_load_and_build_print_their_result_and_the_next_step(golden_template):
    load, build = golden_template[1]
    assert load.code == build.code == 0
    assert "transactions    5 new, 0 changed" in load.out
    assert "dynamics build" in load.err
    assert build.out.startswith("build 1: the marts know the data up to ")


def test_the_csv_of_the_golden_query_is_the_golden_report(cli):
    result = cli("query", *GOLDEN_QUERY, "--output", "csv", "--file", "out.csv")
    assert result.code == 0
    assert to_lf((cli.folder / "out.csv").read_bytes()) == EXPECTED
    assert result.err == "written: out.csv\n"
    assert result.link.startswith("http://127.0.0.1:")
    assert "Clients - Overall Active" in result.out


@pytest.fixture
def report_folder(cli):
    """Return a folder with the golden report in every format, chosen by the file name."""
    for ending in ("xlsx", "xls", "json"):
        assert cli("query", *GOLDEN_QUERY, "--file", f"report.{ending}").code == 0
    return cli.folder


def test_every_format_has_the_same_cells(report_folder):
    sheet = openpyxl.load_workbook(report_folder / "report.xlsx").worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert as_csv(cells) == ROWS

    old = xlrd.open_workbook(report_folder / "report.xls").sheet_by_index(0)
    assert as_csv([old.row_values(number) for number in range(old.nrows)]) == ROWS

    table = json.loads((report_folder / "report.json").read_text())["table"]
    (block,) = table["blocks"]
    assert [["Section", "Metric", *table["columns"]]] + [
        [row["section"], row["metric"], *("N/A" if value is None else str(value) for value in row["values"])]
        for row in block["rows"]
    ] == ROWS


def as_csv(cells):
    """Return the cells of a workbook as in the CSV: whole quantities, money with two places."""
    header, *rows = cells
    return [
        header,
        *(
            [
                section,
                metric,
                *(
                    value
                    if isinstance(value, str)
                    else str(int(value))
                    if metric.endswith("Qty")
                    else f"{value:.2f}"
                    for value in values
                ),
            ]
            for section, metric, *values in rows
        ),
    ]


def test_the_link_opens_the_page_and_the_stored_file(cli):
    snapshot_id = cli("query", *GOLDEN_QUERY).id
    with TestClient(create_app(open_archive)) as browser:
        page = browser.get("/view", params={"id": snapshot_id})
        stored = browser.get("/view", params={"id": snapshot_id, "format": "csv"})
    assert page.status_code == 200
    assert "\N{MINUS SIGN}809.50" in page.text
    assert to_lf(stored.content) == EXPECTED


def test_standard_output_gets_only_the_file(cli):
    result = cli("query", *GOLDEN_QUERY, "--file", "-")
    assert to_lf(result.bytes) == EXPECTED
    assert "/view?id=" in result.err
    assert "Clients - Active" in result.err


def test_flags_override_a_saved_query(cli):
    plain = cli("query", "--saved", "monthly", "--file", "-")
    assert to_lf(plain.bytes) == EXPECTED
    year = cli("query", "--saved", "monthly", "--group-by", "year", "--currency", "EUR", "--file", "-")
    assert to_lf(year.bytes).startswith(b"Section,Metric,2018\n")
    assert b"-809.50" not in year.bytes
    (newest, *_) = json.loads(cli("snapshots", "list", "--query", "monthly", "--json").out)
    assert newest["title"] == "Monthly"
    manifest = json.loads(cli("snapshots", "show", newest["snapshot_id"], "--json").out)
    assert manifest["chart"] == "balance_refill_total"


def test_a_query_is_mailed_to_every_recipient(cli):
    result = cli(
        "query",
        *GOLDEN_QUERY,
        "--output",
        "xlsx",
        "--send-to",
        "one@example.com",
        "--send-to",
        "two@example.com",
    )
    assert result.code == 0
    assert result.err.count("sent to ") == 2
    assert sorted(mail["Delivered-To"] for mail in cli.mails()) == ["one@example.com", "two@example.com"]
    (file,) = cli.mails()[0].iter_attachments()
    assert file.get_filename().endswith(".xlsx")
    assert result.link in cli.mails()[0].get_body(("plain",)).get_content()
