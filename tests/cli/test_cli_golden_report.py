"""From the golden extract to the golden report, by the commands alone."""

import csv
import io
import json

import openpyxl
import pytest
import xlrd
from desk import GOLDEN, GOLDEN_QUERY
from starlette.testclient import TestClient

from orchestration.connections import open_archive
from orchestration.web import create_app

EXPECTED = (GOLDEN / "expected.csv").read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
ROWS = list(csv.reader(io.StringIO(EXPECTED.decode())))


def lines(stored: bytes) -> bytes:
    return stored.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


def test_load_and_build_say_what_they_did_and_what_comes_next(golden_template):
    load, build = golden_template[1]
    assert load.code == build.code == 0
    assert "transactions    5 new, 0 changed" in load.out
    assert "dynamics build" in load.err
    assert build.out.startswith("build 1: the marts know the data up to ")


def test_the_file_of_the_golden_query_is_the_golden_report(desk):
    said = desk("query", *GOLDEN_QUERY, "--output", "csv", "--file", "out.csv")
    assert said.code == 0
    assert lines((desk.folder / "out.csv").read_bytes()) == EXPECTED
    assert said.err == "written: out.csv\n"
    assert said.link.startswith("http://127.0.0.1:")
    assert "Clients - Overall Active" in said.out


@pytest.fixture
def written(desk):
    """The golden report in every format, by the ending of the file's name."""
    for ending in ("xlsx", "xls", "json"):
        assert desk("query", *GOLDEN_QUERY, "--file", f"report.{ending}").code == 0
    return desk.folder


def test_every_format_has_the_same_cells(written):
    sheet = openpyxl.load_workbook(written / "report.xlsx").worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert shown(cells) == ROWS

    old = xlrd.open_workbook(written / "report.xls").sheet_by_index(0)
    assert shown([old.row_values(number) for number in range(old.nrows)]) == ROWS

    table = json.loads((written / "report.json").read_text())["table"]
    (block,) = table["blocks"]
    assert [["Section", "Metric", *table["columns"]]] + [
        [row["section"], row["metric"], *("N/A" if value is None else str(value) for value in row["values"])]
        for row in block["rows"]
    ] == ROWS


def shown(cells):
    """Cells of a workbook as the CSV writes them: quantities whole, money with two places."""
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


def test_the_link_shows_the_report_and_gives_the_stored_bytes(desk):
    snapshot_id = desk("query", *GOLDEN_QUERY).id
    with TestClient(create_app(open_archive)) as browser:
        page = browser.get("/view", params={"id": snapshot_id})
        stored = browser.get("/view", params={"id": snapshot_id, "format": "csv"})
    assert page.status_code == 200
    assert "\N{MINUS SIGN}809.50" in page.text
    assert lines(stored.content) == EXPECTED


def test_standard_output_takes_the_file_alone(desk):
    said = desk("query", *GOLDEN_QUERY, "--file", "-")
    assert lines(said.bytes) == EXPECTED
    assert "/view?id=" in said.err
    assert "Clients - Active" in said.err


def test_flags_override_a_saved_query(desk):
    plain = desk("query", "--saved", "monthly", "--file", "-")
    assert lines(plain.bytes) == EXPECTED
    year = desk("query", "--saved", "monthly", "--group-by", "year", "--currency", "EUR", "--file", "-")
    assert lines(year.bytes).startswith(b"Section,Metric,2018\n")
    assert b"-809.50" not in year.bytes
    (newest, *_) = json.loads(desk("snapshots", "list", "--query", "monthly", "--json").out)
    assert newest["title"] == "Monthly"
    manifest = json.loads(desk("snapshots", "show", newest["snapshot_id"], "--json").out)
    assert manifest["chart"] == "balance_refill_total"


def test_a_query_is_mailed_to_whom_it_names(desk):
    said = desk(
        "query",
        *GOLDEN_QUERY,
        "--output",
        "xlsx",
        "--send-to",
        "one@example.com",
        "--send-to",
        "two@example.com",
    )
    assert said.code == 0
    assert said.err.count("sent to ") == 2
    assert sorted(mail["Delivered-To"] for mail in desk.mails()) == ["one@example.com", "two@example.com"]
    (file,) = desk.mails()[0].iter_attachments()
    assert file.get_filename().endswith(".xlsx")
    assert said.link in desk.mails()[0].get_body(("plain",)).get_content()
