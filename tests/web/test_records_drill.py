"""From a number of a report to the clients behind it, for whoever may see them, on pages and as a file."""

import csv
import io
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest
from small_world import database_url, small_world  # noqa: F401 - fixtures
from stores import alter_store

from orchestration.reporting.engine import make_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.web.records.drill import PAGE
from orchestration.web.visitor import Role

MARCH = {"interval": {"from": "2018-03-01", "to": "2018-03-31"}, "group_by": ["month"]}
QTY, BALANCE = "Clients - All/Qty", "Clients - All/Balance"


@pytest.fixture
def kept(archive, database):
    """Makes a report of the small world and keeps it: its id."""

    def keep(*, title="March", changed=lambda report: report, **parameters):
        query = ReportQuery.model_validate(MARCH | parameters)
        report = changed(make_report(database, query, base_currency="USD", with_clients=True))
        return archive.keep(
            report, title=title, generated_by="user olena", generated_at=datetime.now(UTC)
        ).manifest.id

    return keep


def drilled(browser, snapshot_id, row=BALANCE, column=0, **asked):
    return browser.get("/drill", params={"id": snapshot_id, "row": row, "column": column, **asked})


def read_csv(answer):
    return [*csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))]


def test_the_clients_behind_a_balance_add_up_to_it_in_the_currency_of_the_report(browser, kept):
    page = drilled(browser, kept()).text
    shown = page.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    assert "<strong>17.79</strong> USD from 2 clients" in shown
    for part in (
        "<bdi>Ann</bdi>",
        "115.00 USD",
        "<bdi>Bob</bdi>",
        "-77.77 EUR",
        "1.25",
        "-97.21",
        "<bdi>Northline</bdi>",
    ):
        assert part in shown, part
    assert "do not add up" not in page


def test_what_was_kept_stays_whatever_becomes_of_the_data(browser, kept, database):
    snapshot_id = kept()
    before = drilled(browser, snapshot_id).content
    alter_store(database, "update part_1.clients set name = 'Somebody else'")
    assert b"Ann" in before
    assert drilled(browser, snapshot_id, q="ann").text.count("<bdi>Ann</bdi>") == 1


def test_clients_are_searched_by_name_or_id(browser, kept):
    snapshot_id = kept()
    page = drilled(browser, snapshot_id, QTY, q="bO").text
    assert "1 of 2 match." in page
    assert "Ann" not in page
    assert "0 of 2 match." in drilled(browser, snapshot_id, QTY, q="%").text
    assert "<script>" not in drilled(browser, snapshot_id, QTY, q='"><script>').text


def test_the_block_and_the_column_say_which_package(browser, kept):
    by_month = kept(group_by=["month", "package_name"])
    by_package = kept(group_by=["package_name"])
    for asked in ({"snapshot_id": by_month, "block": 1}, {"snapshot_id": by_package, "column": 1}):
        page = drilled(browser, **asked).text
        assert "Gold of Meridian" in page
        assert "Bob" in page
        assert "Ann" not in page


def test_all_of_them_are_exported_and_text_stays_text(browser, kept, database):
    alter_store(database, "update part_1.clients set name = '=cmd()|''x' where client_id = 'c1'")
    snapshot_id = kept()
    answer = drilled(browser, snapshot_id, format="csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="clients_Clients---All_Balance.csv"'
    rows = read_csv(answer)
    assert rows[0][-3:] == ["Balance", "Rate", "Balance USD"]
    assert rows[1] == [
        *("c1", "'=cmd()|'x", "Northline", "2018-01-02 00:00:00+00:00", "2018-03-01 09:00:00+00:00"),
        *("USD", "115.000000", "1.000000000000", "115.00"),
    ]
    assert len(rows) == 3
    workbook = openpyxl.load_workbook(io.BytesIO(drilled(browser, snapshot_id, format="xlsx").content))
    assert workbook.worksheets[0]["B2"].value == "=cmd()|'x"
    assert workbook.worksheets[0]["B2"].data_type == "s"
    assert drilled(browser, snapshot_id, format="exe").status_code == 400


def test_numbers_that_the_clients_do_not_come_to_are_told_loudly(browser, kept):
    def wrong(report):
        block = report.table.blocks[0]
        cells = tuple(
            tuple(Decimal("1.00") if isinstance(cell, Decimal) else cell for cell in row)
            for row in block.cells
        )
        return replace(report, table=replace(report.table, blocks=(replace(block, cells=cells),)))

    page = drilled(browser, kept(changed=wrong)).text
    assert 'role="alert"' in page
    assert "do not add up" in page
    assert "they come to 17.79, the report says 1.00" in page


def test_a_report_without_its_clients_says_so(browser, kept):
    answer = drilled(browser, kept(changed=lambda report: replace(report, clients=None)))
    assert answer.status_code == 404
    assert "were not kept" in answer.text


def test_a_number_that_is_none_is_refused(browser, kept):
    snapshot_id = kept()
    for asked in (
        {"row": "Balance Refill/Total"},
        {"row": ""},
        {"column": 1},
        {"column": "x"},
        {"block": "-1"},
    ):
        assert drilled(browser, snapshot_id, **asked).status_code == 400
    for page in ("0", "-1", "9" * 30, "x", "٣"):
        assert drilled(browser, snapshot_id, page=page).status_code == 200


def test_clients_are_for_those_who_are_signed_in_and_may_see_them(signed_in_as, browse, open_archive, kept):
    own, foreign, everybody = kept(owners=["r1"]), kept(owners=["r2"]), kept()
    bound = signed_in_as(Role.VIEWER, "r1")
    assert "Ann" in drilled(bound, own).text
    for hidden in (foreign, everybody):
        assert drilled(bound, hidden).status_code == 404
        assert drilled(bound, hidden, format="csv").status_code == 404
    stranger = browse(open_archive)
    answer = stranger.get("/drill", params={"id": own, "row": QTY, "column": 0}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"][:9]) == (303, "/sign-in?")
    assert b"Ann" not in stranger.get("/view", params={"id": own, "format": "clients"}).content


@pytest.fixture
def many(database):
    """Ten thousand more clients in the small world."""
    alter_store(
        database,
        "create temp table c1 as select * from part_1.clients where client_id = 'c1'",
        "insert into part_1.clients select c1.* replace (1000 + n as client, 'm' || n as client_id, 'm' || n as name)"
        " from c1, range(1, 10001) as numbers (n)",
        "insert into part_1.events select events.* replace (1000 + n as client)"
        " from part_1.events as events, range(1, 10001) as numbers (n)"
        " where events.client = (select client from c1)",
    )


def test_ten_thousand_clients_are_paged_and_exported_without_delay(browser, kept, many):
    snapshot_id = kept()
    began = time.monotonic()
    first = drilled(browser, snapshot_id)
    assert first.text.count('<th scope="row"><bdi>') == PAGE
    assert "1 to 200 of 10\N{NARROW NO-BREAK SPACE}002" in first.text
    last = drilled(browser, snapshot_id, page=51)
    assert last.text.count('<th scope="row"><bdi>') == 2
    assert 'rel="next"' not in last.text
    assert len(read_csv(drilled(browser, snapshot_id, format="csv"))) == 10_003
    assert time.monotonic() - began < 20
