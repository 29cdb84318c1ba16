"""Steps that several browser tests share."""

import re
from pathlib import Path

EXPECTED = Path(__file__).parent.parent / "golden" / "expected.csv"

GOLDEN_YEAR = "interval=&from=2018-01-01&to=2018-12-31&group_by=month&active_duration=3&currency=USD"
"""The form of the report of 2018. Its cells are in tests/golden/expected.csv."""
HOSTILE_YEAR = "from=2019-01-01&to=2019-12-31&group_by=package_name"


def request_report(page, parameters=GOLDEN_YEAR) -> str:
    """Open the form with these parameters, press Query, and return the id of the report."""
    page.goto(f"/?{parameters}")
    page.get_by_role("button", name="Query", exact=True).click()
    page.wait_for_url("**/view?id=*")
    return page.url.rpartition("=")[2]


def find_field(page, label):
    """Return the field with the label."""
    return page.get_by_label(label, exact=True).and_(page.locator("input, select, textarea"))


def choose(page, text):
    """Choose the suggestion that begins with `text`."""
    options = page.locator("[role=option]:visible")
    options.filter(has_text=re.compile(f"^{re.escape(text)}")).first.click()


def read_cells(page):
    """Return the texts of the report on the page, row by row."""
    return page.locator("table.report tr:not(.section)").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
