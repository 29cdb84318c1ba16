"""Tests of slow reports, double clicks, and browsers without JavaScript."""

from contextlib import contextmanager

from axe import find_violations
from steps import GOLDEN_YEAR
from stores import SLOW_STATEMENTS, alter_store, delete_build
from waiting import wait_until


@contextmanager
def slow_reports(site):
    """Make every report that is computed in the block take some seconds."""
    with site.connect() as connection:
        build_id = alter_store(connection, *SLOW_STATEMENTS)
        try:
            yield
        finally:
            delete_build(connection, build_id)


def count_snapshots(site):
    """Return how many snapshots there are."""
    with site.connect() as connection:
        return connection.execute("select count(*) from dynamics.snapshots").fetchone()[0]


def test_a_slow_report_shows_progress_and_can_be_cancelled(page, site):
    before = count_snapshots(site)
    with slow_reports(site):
        page.goto(f"/?{GOLDEN_YEAR}")
        page.get_by_role("button", name="Query", exact=True).click()
        page.get_by_role("heading", name="The report is in progress").wait_for()
        assert page.get_by_role("progressbar").is_visible()
        assert "computing the report" in page.get_by_role("status").inner_text()
        assert find_violations(page) == []
        seconds = page.locator("[data-seconds]")
        first = int(seconds.inner_text())
        wait_until(lambda: int(seconds.inner_text()) > first, "the seconds count up")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("heading", name="Cancelled").wait_for()
    page.get_by_role("link", name="Back to the query").click()
    assert page.get_by_role("button", name="Query", exact=True).is_visible()
    assert "from=2018-01-01" in page.url
    assert count_snapshots(site) == before


def test_a_slow_report_opens_when_it_is_complete(page, site):
    with slow_reports(site):
        page.goto(f"/?{GOLDEN_YEAR}")
        page.get_by_role("button", name="Query", exact=True).click()
        page.get_by_role("heading", name="The report is in progress").wait_for()
    page.wait_for_url("**/view?id=*")
    page.go_back()
    assert page.get_by_role("button", name="Query", exact=True).is_visible()


def test_a_double_click_makes_one_report(page, site):
    before = count_snapshots(site)
    page.goto(f"/?{GOLDEN_YEAR}")
    page.get_by_role("button", name="Query", exact=True).dblclick()
    page.wait_for_url("**/view?id=*")
    assert count_snapshots(site) == before + 1


def test_a_double_click_without_javascript_makes_one_report(window, site):
    before, page = count_snapshots(site), window(java_script_enabled=False)
    page.goto(f"/?{GOLDEN_YEAR}")
    page.locator("button.main").dblclick()
    page.wait_for_url("**/view?id=*")
    assert count_snapshots(site) == before + 1


def test_form_report_chart_and_exports_work_without_javascript(window):
    page = window(java_script_enabled=False)
    page.goto("/")
    page.get_by_label("Interval").select_option("Exact")
    page.get_by_label("From").fill("2018-01-01")
    page.get_by_label("To", exact=True).fill("2018-12-31")
    page.get_by_label("Client Tags").fill("retail")
    page.locator("[data-filter='Client Tags']").get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Remove retail").wait_for()
    page.get_by_label("Currency").fill("XXX")
    page.locator("button.main").click()
    page.locator("#currency-problem").wait_for()
    page.get_by_label("Currency").fill("")
    page.locator("button.main").click()
    page.wait_for_url("**/view?id=*")
    assert page.get_by_role("rowheader", name="Renew Total").is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export to XLSx").click()
    assert download.value.path().read_bytes().startswith(b"PK")
    page.get_by_text("Show Chart").click()
    page.get_by_role("link", name="Balance Refill: Total").click()
    picture = page.locator("picture img")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 100


def test_a_slow_report_reloads_without_javascript(window, site):
    page = window(java_script_enabled=False)
    with slow_reports(site):
        page.goto(f"/?{GOLDEN_YEAR}")
        page.locator("button.main").click()
        page.get_by_role("heading", name="The report is in progress").wait_for()
    page.wait_for_url("**/view?id=*")
