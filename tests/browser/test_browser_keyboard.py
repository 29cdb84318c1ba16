"""Tests that all pages work with the keyboard, and that the focus is always visible."""

import pytest
from steps import find_field
from waiting import wait_until

FOCUS_PROBLEM = """
() => {
  const at = document.activeElement;
  if (at === document.body) return ""; // between the last tab stop and the first
  const style = getComputedStyle(at), box = at.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1.5;
  const visible = box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0;
  return outlined && visible ? "" : `${at.outerHTML.slice(0, 120)}: outline ${style.outline}, at ${box.top} to ${box.bottom}`;
}
"""
FOCUS_LABEL = """
() => {
  const at = document.activeElement;
  return at.getAttribute("aria-label") ?? at.labels?.[0]?.innerText.trim() ?? at.innerText?.trim() ?? "";
}
"""


def tab_to(page, label, max_stops=60):
    """Press Tab until the element with the label has the focus. Check that the focus is visible."""
    for _ in range(max_stops):
        page.keyboard.press("Tab")
        problem = page.evaluate(FOCUS_PROBLEM)
        assert not problem, problem
        if page.evaluate(FOCUS_LABEL) == label:
            return
    raise AssertionError(f"{label} is not within {max_stops} tab stops")


def test_the_main_path_needs_no_mouse(page, site):
    page.goto("/?from=2018-01-01&to=2018-12-31")
    tab_to(page, "Timezone")
    page.keyboard.press("Control+A")
    page.keyboard.type("kyiv")
    page.get_by_role("option", name="Europe/Kyiv").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert find_field(page, "Timezone").input_value() == "Europe/Kyiv"
    tab_to(page, "Add a filter")
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="Owner").wait_for()
    page.keyboard.type("tag")
    page.get_by_role("option", name="Owner").wait_for(state="detached")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("ret")
    page.get_by_role("option", name="retail").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove retail").wait_for()
    tab_to(page, "Group by")
    page.keyboard.type("Mon")
    page.get_by_role("button", name="Remove Month").wait_for()
    tab_to(page, "Query")
    page.keyboard.press("Enter")

    page.wait_for_url("**/view?id=*")
    page.locator("header nav").wait_for()
    tab_to(page, "Show Chart")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="Balance Refill: Total").is_visible()
    page.keyboard.press("Enter")
    tab_to(page, "Balance Refill: Total")
    page.keyboard.press("Enter")
    page.locator("#drawing svg").wait_for()
    tab_to(page, "Qty")
    with page.expect_response("**format=json*"):
        page.keyboard.press("Space")
    page.wait_for_url("**row=*Qty*")
    assert page.evaluate(FOCUS_LABEL) == "Qty"

    tab_to(page, "Back to the report")
    page.keyboard.press("Enter")
    page.wait_for_url("**/view?id=*")
    page.locator("td a").first.wait_for()
    tab_to(page, "1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/drill?*")
    tab_to(page, "Export all to CSV")
    with page.expect_download():
        page.keyboard.press("Enter")


def test_the_table_scrolls_with_arrow_keys(page):
    page.goto("/?from=2018-02-01&to=2018-04-30&group_by=date")
    page.get_by_role("button", name="Query", exact=True).press("Enter")
    page.wait_for_url("**/view?id=*")
    page.locator("header nav").wait_for()
    tab_to(page, "Report")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_until(
        lambda: page.locator(".scroll").evaluate("frame => frame.scrollLeft") > 50, "the table has scrolled"
    )


@pytest.mark.parametrize("path", ["/", "/saved", "/archive", "/users", "/sign-in"])
def test_every_tab_stop_is_visible(page, path):
    page.goto(path)
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        problem = page.evaluate(FOCUS_PROBLEM)
        assert not problem, problem
