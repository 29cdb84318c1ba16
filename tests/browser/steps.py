"""What people do on the pages, said once."""

import re
import time
from pathlib import Path

EXPECTED = Path(__file__).parent.parent / "golden" / "expected.csv"

GOLDEN_YEAR = "interval=&from=2018-01-01&to=2018-12-31&group_by=month&active_duration=3&currency=USD"
"""The form of the report of 2018, whose cells are tests/golden/expected.csv."""
HOSTILE_YEAR = "from=2019-01-01&to=2019-12-31&group_by=package_name"


def ask(page, asked=GOLDEN_YEAR) -> str:
    """Opens the form as an address fills it, presses Query, and gives the id of the report that opens."""
    page.goto(f"/?{asked}")
    page.get_by_role("button", name="Query", exact=True).click()
    page.wait_for_url("**/view?id=*")
    return page.url.rpartition("=")[2]


def field(page, label):
    """The field of that label."""
    return page.get_by_label(label, exact=True).and_(page.locator("input, select, textarea"))


def choose(page, text):
    """Takes what is offered under a field that searches; `text` is how it begins."""
    offered = page.locator("[role=option]:visible")
    offered.filter(has_text=re.compile(f"^{re.escape(text)}")).first.click()


def cells(page):
    """The report on the page, row by row, as it is written there."""
    return page.locator("table.report tr:not(.section)").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def until(happened, patience=10):
    """Waits for what a page does in its own time; its content policy forbids Playwright to wait inside of it."""
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
