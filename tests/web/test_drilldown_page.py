"""Tests of the drill-down page: the clients behind a number of a report."""

import csv
import io
import time
from dataclasses import replace
from decimal import Decimal

import openpyxl
import pytest
from stores import alter_store

from orchestration.accounts.visitor import Role
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.snapshots import SnapshotDetails, archive_report
from orchestration.web.archive.drilldown import PAGE_SIZE

MARCH = {"interval": {"from": "2018-03-01", "to": "2018-03-31"}, "group_by": ["month"]}
QTY, BALANCE = "Clients - All/Qty", "Clients - All/Balance"


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


@pytest.fixture
def store_report(archive, database):
    """Return a function that computes and stores a report of the small world. It returns the id."""

    def compute(*, title="March", change=lambda report: report, **parameters):
        query = ReportQuery.model_validate(MARCH | parameters)
        report = change(compute_report(database, query, base_currency="USD", with_clients=True))
        return archive_report(archive, report, SnapshotDetails(title, "user olena")).manifest.id

    return compute


def open_drilldown(browser, snapshot_id, row=BALANCE, column=0, **parameters):
    return browser.get("/drill", params={"id": snapshot_id, "row": row, "column": column, **parameters})


def read_csv(answer):
    return [*csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))]


def test_clients_add_up_to_the_balance_in_report_currency(browser, store_report):
    page = open_drilldown(browser, store_report()).text
    text = page.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    assert "<strong>17.79</strong> USD from 2 clients" in text
    for part in (
        "<bdi>Ann</bdi>",
        "115.00 USD",
        "<bdi>Bob</bdi>",
        "-77.77 EUR",
        "1.25",
        "-97.21",
        "<bdi>Northline</bdi>",
    ):
        assert part in text, part
    assert "do not add up" not in page


def test_stored_clients_survive_later_data_changes(browser, store_report, database):
    snapshot_id = store_report()
    before = open_drilldown(browser, snapshot_id).content
    alter_store(database, "update part_1.clients set name = 'Somebody else'")
    assert b"Ann" in before
    assert open_drilldown(browser, snapshot_id, q="ann").text.count("<bdi>Ann</bdi>") == 1


def test_clients_are_searched_by_name_or_id(browser, store_report):
    snapshot_id = store_report()
    page = open_drilldown(browser, snapshot_id, QTY, q="bO").text
    assert "1 of 2 match." in page
    assert "Ann" not in page
    assert "0 of 2 match." in open_drilldown(browser, snapshot_id, QTY, q="%").text
    assert "<script>" not in open_drilldown(browser, snapshot_id, QTY, q='"><script>').text


def test_block_and_column_select_the_package(browser, store_report):
    by_month = store_report(group_by=["month", "package_name"])
    by_package = store_report(group_by=["package_name"])
    for parameters in ({"snapshot_id": by_month, "block": 1}, {"snapshot_id": by_package, "column": 1}):
        page = open_drilldown(browser, **parameters).text
        assert "Gold of Meridian" in page
        assert "Bob" in page
        assert "Ann" not in page


def test_all_clients_are_exported_and_text_stays_text(browser, store_report, database):
    alter_store(database, "update part_1.clients set name = '=cmd()|''x' where client_id = 'c1'")
    snapshot_id = store_report()
    answer = open_drilldown(browser, snapshot_id, format="csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="clients_Clients---All_Balance.csv"'
    rows = read_csv(answer)
    assert rows[0][-3:] == ["Balance", "Rate", "Balance USD"]
    assert rows[1] == [
        *("c1", "'=cmd()|'x", "Northline", "2018-01-02 00:00:00+00:00", "2018-03-01 09:00:00+00:00"),
        *("USD", "115.000000", "1.000000000000", "115.00"),
    ]
    assert len(rows) == 3
    workbook = openpyxl.load_workbook(io.BytesIO(open_drilldown(browser, snapshot_id, format="xlsx").content))
    assert workbook.worksheets[0]["B2"].value == "=cmd()|'x"
    assert workbook.worksheets[0]["B2"].data_type == "s"
    assert open_drilldown(browser, snapshot_id, format="exe").status_code == 400


def test_a_total_that_differs_from_the_cell_raises_an_alert(browser, store_report):
    def wrong(report):
        block = report.table.blocks[0]
        cells = tuple(
            tuple(Decimal("1.00") if isinstance(cell, Decimal) else cell for cell in row)
            for row in block.cells
        )
        return replace(report, table=replace(report.table, blocks=(replace(block, cells=cells),)))

    page = open_drilldown(browser, store_report(change=wrong)).text
    assert 'role="alert"' in page
    assert "do not add up" in page
    assert "their total is 17.79, the report says 1.00" in page


def test_a_report_without_stored_clients_says_so(browser, store_report):
    answer = open_drilldown(browser, store_report(change=lambda report: replace(report, clients=None)))
    assert answer.status_code == 404
    assert "are not stored" in answer.text


def test_an_unknown_cell_is_rejected(browser, store_report):
    snapshot_id = store_report()
    for parameters in (
        {"row": "Balance Refill/Total"},
        {"row": ""},
        {"column": 1},
        {"column": "x"},
        {"block": "-1"},
    ):
        assert open_drilldown(browser, snapshot_id, **parameters).status_code == 400
    for page in ("0", "-1", "9" * 30, "x", "٣"):
        assert open_drilldown(browser, snapshot_id, page=page).status_code == 200


def test_clients_need_a_session_and_the_right_owner(sign_in_as, open_browser, open_archive, store_report):
    own, foreign, everybody = store_report(owners=["r1"]), store_report(owners=["r2"]), store_report()
    bound = sign_in_as(Role.VIEWER, "r1")
    assert "Ann" in open_drilldown(bound, own).text
    for hidden in (foreign, everybody):
        assert open_drilldown(bound, hidden).status_code == 404
        assert open_drilldown(bound, hidden, format="csv").status_code == 404
    stranger = open_browser(open_archive)
    answer = stranger.get("/drill", params={"id": own, "row": QTY, "column": 0}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"][:9]) == (303, "/sign-in?")
    assert b"Ann" not in stranger.get("/view", params={"id": own, "format": "clients"}).content


@pytest.fixture
def many_clients(database):
    """Add ten thousand clients to the small world."""
    alter_store(
        database,
        "create temp table c1 as select * from part_1.clients where client_id = 'c1'",
        "insert into part_1.clients select c1.* replace (1000 + n as client, 'm' || n as client_id, 'm' || n as name)"
        " from c1, range(1, 10001) as numbers (n)",
        "insert into part_1.events select events.* replace (1000 + n as client)"
        " from part_1.events as events, range(1, 10001) as numbers (n)"
        " where events.client = (select client from c1)",
    )


def test_ten_thousand_clients_are_paged_and_exported(browser, store_report, many_clients):
    snapshot_id = store_report()
    began = time.monotonic()
    first = open_drilldown(browser, snapshot_id)
    assert first.text.count('<th scope="row"><bdi>') == PAGE_SIZE
    assert "1 to 200 of 10\N{NARROW NO-BREAK SPACE}002" in first.text
    last = open_drilldown(browser, snapshot_id, page=51)
    assert last.text.count('<th scope="row"><bdi>') == 2
    assert 'rel="next"' not in last.text
    assert len(read_csv(open_drilldown(browser, snapshot_id, format="csv"))) == 10_003
    assert time.monotonic() - began < 20
