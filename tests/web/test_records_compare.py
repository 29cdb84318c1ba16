"""Two snapshots beside each other, and a report computed again beside the one that was mailed."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from small_world import database_url, small_world  # noqa: F401 - fixtures
from stores import alter_store
from web_forms import send

from orchestration.archive import new_snapshot_id
from orchestration.reporting.engine import make_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.web.records.again import same_query
from orchestration.web.visitor import Role

_APRIL = datetime(2018, 4, 5, tzinfo=UTC)


@pytest.fixture
def other(archive, report):
    """Keeps the report with some cells changed: value by block, row and column."""

    def keep(changes=None, columns=report.table.columns, **fields):
        blocks = list(report.table.blocks)
        for (block, row, column), value in (changes or {}).items():
            cells = [list(cells) for cells in blocks[block].cells]
            cells[row][column] = value
            blocks[block] = replace(blocks[block], cells=tuple(map(tuple, cells)))
        changed = replace(
            report, table=replace(report.table, columns=columns, blocks=tuple(blocks)), **fields
        )
        made = report.as_of + timedelta(hours=1)
        return archive.keep(changed, title="Again", generated_by="user olena", generated_at=made).manifest.id

    return keep


def compared(browser, left, right, **asked):
    return browser.get("/archive/compare", params={"left": left, "right": right, **asked})


def test_cells_that_differ_are_marked_with_both_values_and_the_difference(browser, kept, other, hostile):
    changes = {(1, 1, 0): Decimal("-98000.00"), (1, 0, 0): 1230, (0, 2, 1): Decimal("0.00")}
    page = compared(browser, kept.manifest.id, other(changes))
    assert page.status_code == 200
    assert "<strong>3</strong> of 84 cells differ." in page.text
    assert page.text.count('class="differs"') == 3
    shown = page.text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
    assert "<del>-98 765.43</del>" in shown
    assert "<ins>-98 000.00</ins>" in shown
    assert "▲ +765.43" in shown
    assert "▼ -4" in shown
    assert "<del>N/A</del>" in shown
    assert page.text.count('class="delta"') == 2  # of N/A there is none
    assert hostile not in page.text


def test_only_what_differs_is_shown_on_request(browser, kept, other):
    page = compared(browser, kept.manifest.id, other({(1, 1, 0): Decimal("1.00")}), only="1").text
    assert page.count("<td") == 1
    assert "03/2018" not in page
    assert "Balance Pos" in page
    assert "Balance Neg" not in page


def test_a_report_beside_itself_says_that_nothing_differs(browser, kept):
    page = compared(browser, kept.manifest.id, kept.manifest.id).text
    assert "No cell differs: all 84 are the same." in page
    assert "format=csv" not in page


def test_the_differences_are_exported_as_text_and_numbers(browser, archive, kept, other):
    changes = {(0, 1, 0): Decimal("0.57"), (1, 0, 1): 7}
    asked = kept.manifest.id, other(changes)
    answer = compared(browser, *asked, format="csv")
    assert answer.headers["content-disposition"].endswith('.csv"')
    rows = [*csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))]
    assert rows == [
        ["Package", "Section", "Metric", "Column", "Left", "Right", "Difference"],
        [
            kept.table().blocks[0].package,
            "Clients - Active",
            "Balance Pos",
            "02/2018",
            "-98765.43",
            "0.57",
            "98766.00",
        ],
        ["Basic", "Clients - Active", "Qty", "03/2018", "N/A", "7", ""],
    ]
    sheet = openpyxl.load_workbook(io.BytesIO(compared(browser, *asked, format="xlsx").content)).worksheets[0]
    assert [cell.value for cell in sheet[2]][4:] == [-98765.43, 0.57, 98766]
    assert compared(browser, *asked, format="exe").status_code == 400


def test_reports_that_have_no_cell_in_common_are_refused_with_the_reason(browser, kept, other, report):
    euros = other(query=report.query.model_copy(update={"currency": "EUR"}))
    later = other(columns=("04/2018", "05/2018"))
    for right, why in (
        (euros, "one is in USD and the other in EUR"),
        (later, "the reports have no column in common"),
    ):
        page = compared(browser, kept.manifest.id, right)
        assert page.status_code == 409
        assert why.lower() in page.text.lower()


def test_nobody_compares_what_they_may_not_see(signed_in_as, kept, other):
    own, foreign = other(owner_ids=("r1",)), other(owner_ids=("r2",))
    browser = signed_in_as(Role.ANALYST, "r1")
    unknown = compared(browser, own, new_snapshot_id())
    for pair in ((own, foreign), (foreign, own), (own, kept.manifest.id)):
        page = compared(browser, *pair)
        assert (page.status_code, page.text) == (404, unknown.text)
    assert compared(browser, own, own).status_code == 200


@pytest.fixture
def march(archive, database):
    """March of Northline's clients in the small world, as `last 1 months` meant it in April."""
    query = ReportQuery.model_validate(
        {
            "interval": "last 1 months",
            "timezone": "Europe/Kyiv",
            "owners": ["Northline"],
            "group_by": ["month"],
        }
    )
    report = make_report(database, query, base_currency="USD", moment=_APRIL)
    return archive.keep(
        report, title="March", generated_by="schedule", generated_at=_APRIL, saved_query="monthly"
    ).manifest


def test_computed_again_the_interval_and_the_owners_are_those_of_then(march):
    query = same_query(march)
    assert (str(query.interval.from_), str(query.interval.to)) == ("2018-03-01", "2018-03-31")
    assert query.owners == ("r1",)
    assert query.timezone == "Europe/Kyiv"


def test_a_report_is_computed_again_and_shows_what_was_rerated_meanwhile(signed_in_as, database, march):
    alter_store(database, "update part_1.events set amount = amount + 5 where kind = 'refill'")
    page, form = f"/archive/{march.id}", f"/archive/{march.id}/again"
    assert send(signed_in_as(Role.VIEWER), page, form).status_code == 403
    assert send(signed_in_as(Role.ANALYST, "r2"), "/archive", form).status_code == 404
    analyst = signed_in_as(Role.ANALYST, "r1")
    made = send(analyst, page, form)
    assert made.status_code == 303
    shown = analyst.get(made.headers["location"]).text
    assert "<del>125.00</del>" in shown
    assert "<ins>130.00</ins>" in shown
    assert "<strong>2</strong> of 21 cells differ." in shown  # Total and Avg
    assert "asked for differently" not in shown
    assert "user analyst of r1" in shown


def test_what_cannot_be_computed_again_is_told(signed_in_as, database, march):
    alter_store(database, "delete from part_1.clients where client_id = 'r1'")
    answer = send(signed_in_as(Role.ANALYST), f"/archive/{march.id}", f"/archive/{march.id}/again")
    assert answer.status_code == 409
    assert "unknown owner" in answer.text.lower()
