"""Tests of the comparison of two snapshots, and of the recomputation of a report."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from stores import alter_store
from web_forms import submit

from orchestration.accounts.visitor import Role
from orchestration.archive import new_snapshot_id
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.snapshots import SnapshotDetails, archive_report
from orchestration.web.archive.recompute import resolve_stored_query

_APRIL = datetime(2018, 4, 5, tzinfo=UTC)


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


@pytest.fixture
def store_changed(archive, report):
    """Return a function that stores the report with changed cells, and returns its id.

    `changes` gives a new value by block, row and column.
    """

    def store(changes=None, columns=report.table.columns, **fields):
        blocks = list(report.table.blocks)
        for (block, row, column), value in (changes or {}).items():
            cells = [list(cells) for cells in blocks[block].cells]
            cells[row][column] = value
            blocks[block] = replace(blocks[block], cells=tuple(map(tuple, cells)))
        changed = replace(
            report, table=replace(report.table, columns=columns, blocks=tuple(blocks)), **fields
        )
        made = report.as_of + timedelta(hours=1)
        details = SnapshotDetails("Again", "user olena", made)
        return archive_report(archive, changed, details).manifest.id

    return store


def open_comparison(browser, left, right, **parameters):
    return browser.get("/archive/compare", params={"left": left, "right": right, **parameters})


def test_different_cells_show_both_values_and_the_difference(browser, snapshot, store_changed, hostile_name):
    changes = {(1, 1, 0): Decimal("-98000.00"), (1, 0, 0): 1230, (0, 2, 1): Decimal("0.00")}
    page = open_comparison(browser, snapshot.manifest.id, store_changed(changes))
    assert page.status_code == 200
    assert "<strong>3</strong> of 84 cells differ." in page.text
    assert page.text.count('class="differs"') == 3
    text = page.text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    assert "<del>-98 765.43</del>" in text
    assert "<ins>-98 000.00</ins>" in text
    assert "▲ +765.43" in text
    assert "▼ -4" in text
    assert "<del>N/A</del>" in text
    assert page.text.count('class="delta"') == 2  # no difference for N/A
    assert hostile_name not in page.text


def test_only_differences_are_shown_on_request(browser, snapshot, store_changed):
    page = open_comparison(
        browser, snapshot.manifest.id, store_changed({(1, 1, 0): Decimal("1.00")}), only="1"
    ).text
    assert page.count("<td") == 1
    assert "03/2018" not in page
    assert "Balance Pos" in page
    assert "Balance Neg" not in page


def test_a_report_compared_with_itself_has_no_difference(browser, snapshot):
    page = open_comparison(browser, snapshot.manifest.id, snapshot.manifest.id).text
    assert "No cell differs. All 84 cells are equal." in page
    assert "format=csv" not in page


def test_differences_are_exported_as_csv_and_xlsx(browser, archive, snapshot, store_changed):
    changes = {(0, 1, 0): Decimal("0.57"), (1, 0, 1): 7}
    pair = snapshot.manifest.id, store_changed(changes)
    answer = open_comparison(browser, *pair, format="csv")
    assert answer.headers["content-disposition"].endswith('.csv"')
    rows = [*csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))]
    assert rows == [
        ["Package", "Section", "Metric", "Column", "Left", "Right", "Difference"],
        [
            snapshot.table().blocks[0].package,
            "Clients - Active",
            "Balance Pos",
            "02/2018",
            "-98765.43",
            "0.57",
            "98766.00",
        ],
        ["Basic", "Clients - Active", "Qty", "03/2018", "N/A", "7", ""],
    ]
    sheet = openpyxl.load_workbook(
        io.BytesIO(open_comparison(browser, *pair, format="xlsx").content)
    ).worksheets[0]
    assert [cell.value for cell in sheet[2]][4:] == [-98765.43, 0.57, 98766]
    assert open_comparison(browser, *pair, format="exe").status_code == 400


def test_reports_without_common_cells_are_not_compared(browser, snapshot, store_changed, report):
    euros = store_changed(query=report.query.model_copy(update={"currency": "EUR"}))
    later = store_changed(columns=("04/2018", "05/2018"))
    for right, reason in (
        (euros, "one is in USD and the other in EUR"),
        (later, "the reports have no column in common"),
    ):
        page = open_comparison(browser, snapshot.manifest.id, right)
        assert page.status_code == 409
        assert reason.lower() in page.text.lower()


def test_a_bound_visitor_compares_only_own_reports(sign_in_as, snapshot, store_changed):
    own, foreign = store_changed(owner_ids=("r1",)), store_changed(owner_ids=("r2",))
    browser = sign_in_as(Role.ANALYST, "r1")
    unknown = open_comparison(browser, own, new_snapshot_id())
    for pair in ((own, foreign), (foreign, own), (own, snapshot.manifest.id)):
        page = open_comparison(browser, *pair)
        assert (page.status_code, page.text) == (404, unknown.text)
    assert open_comparison(browser, own, own).status_code == 200


@pytest.fixture
def march(archive, database):
    """Store a report of Northline's clients over `last 1 months`, computed in April."""
    query = ReportQuery.model_validate(
        {
            "interval": "last 1 months",
            "timezone": "Europe/Kyiv",
            "owners": ["Northline"],
            "group_by": ["month"],
        }
    )
    report = compute_report(database, query, base_currency="USD", moment=_APRIL)
    details = SnapshotDetails("March", "schedule", _APRIL, saved_query="monthly")
    return archive_report(archive, report, details).manifest


def test_recomputation_uses_the_stored_interval_and_owners(march):
    query = resolve_stored_query(march)
    assert (str(query.interval.from_), str(query.interval.to)) == ("2018-03-01", "2018-03-31")
    assert query.owners == ("r1",)
    assert query.timezone == "Europe/Kyiv"


def test_recomputation_shows_corrected_transactions(sign_in_as, database, march):
    alter_store(database, "update part_1.events set amount = amount + 5 where kind = 'refill'")
    page, form = f"/archive/{march.id}", f"/archive/{march.id}/again"
    assert submit(sign_in_as(Role.VIEWER), page, form).status_code == 403
    assert submit(sign_in_as(Role.ANALYST, "r2"), "/archive", form).status_code == 404
    analyst = sign_in_as(Role.ANALYST, "r1")
    answer = submit(analyst, page, form)
    assert answer.status_code == 303
    text = analyst.get(answer.headers["location"]).text
    assert "<del>125.00</del>" in text
    assert "<ins>130.00</ins>" in text
    assert "<strong>2</strong> of 21 cells differ." in text  # Total and Avg
    assert "different parameters" not in text
    assert "user analyst of r1" in text


def test_failed_recomputation_shows_the_reason(sign_in_as, database, march):
    alter_store(database, "delete from part_1.clients where client_id = 'r1'")
    answer = submit(sign_in_as(Role.ANALYST), f"/archive/{march.id}", f"/archive/{march.id}/again")
    assert answer.status_code == 409
    assert "unknown owner" in answer.text.lower()
