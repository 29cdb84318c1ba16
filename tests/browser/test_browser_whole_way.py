"""Tests of the main path: form, report, chart, files, saved query, drill-down, recomputation."""

import csv
import shutil
from urllib.request import urlopen

import pytest
from steps import EXPECTED, choose, find_field, read_cells, request_report

from orchestration.builds import build_marts
from orchestration.rendering import CHART_PRESETS
from orchestration.settings import settings
from orchestration.source import load


@pytest.fixture(scope="module")
def report(chromium, site):
    """Compute the report of 2018 once for the module. Return its id."""
    page = chromium.new_page(base_url=site.address)
    snapshot_id = request_report(page)
    page.close()
    return snapshot_id


def test_the_form_gives_the_golden_report(page):
    page.goto("/")
    find_field(page, "Interval").select_option("Exact")
    find_field(page, "From").fill("2018-01-01")
    find_field(page, "To").fill("2018-12-31")
    find_field(page, "Timezone").fill("utc")
    choose(page, "UTC")
    find_field(page, "Add a filter").fill("own")
    choose(page, "Owner")
    find_field(page, "Owner").fill("north")
    choose(page, "Northline Telecom")
    assert "owners=Northline+Telecom" in page.url
    page.reload()
    page.get_by_role("button", name="Remove Northline Telecom").click()
    page.get_by_role("button", name="Remove the filter Owner").click()
    assert "owners" not in page.url
    page.get_by_role("button", name="Query", exact=True).click()
    page.wait_for_url("**/view?id=*")
    with EXPECTED.open() as file:
        golden = [row[1:] for row in csv.reader(file)]
    assert [[text.replace("\N{MINUS SIGN}", "-") for text in row] for row in read_cells(page)] == golden
    page.get_by_text("Info", exact=True).click()
    assert page.get_by_text("SHA-256 of the manifest").is_visible()


def test_a_problem_appears_beside_its_field(page):
    page.goto("/?interval=this+month")
    find_field(page, "Currency").fill("XXX")
    page.get_by_role("button", name="Query", exact=True).click()
    currency = find_field(page, "Currency")
    assert currency.get_attribute("aria-invalid") == "true"
    assert "unknown currency" in page.locator("#currency-problem").inner_text().lower()
    assert page.evaluate("document.activeElement.id") == "currency"


def test_exports_are_the_stored_bytes(page, site, report):
    page.goto(f"/view?id={report}")
    for name, fmt in (("Export to CSV", "csv"), ("Export to XLSx", "xlsx")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        stored = urlopen(f"{site.address}/view?id={report}&format={fmt}").read()
        assert download.value.path().read_bytes() == stored
        assert download.value.suggested_filename.endswith(f"2018-01-01_2018-12-31.{fmt}")


@pytest.mark.parametrize("title", [chart.title for chart in CHART_PRESETS.values()])
def test_each_preset_draws_its_rows(page, report, title):
    page.goto(f"/view?id={report}")
    page.get_by_text("Show Chart").click()
    page.get_by_role("link", name=title).click()
    if title.startswith("Pay As You Go"):  # the golden year has no paid service outside a package
        assert "every value is N/A" in page.locator("#result").inner_text()
    else:
        page.locator("#drawing svg").wait_for()
    assert page.get_by_role("link", name=title).get_attribute("aria-current") == "page"


def test_a_blank_chart_takes_rows_type_and_periods(page, report):
    page.goto(f"/view?id={report}")
    page.get_by_text("Show Chart").click()
    page.get_by_role("link", name="Blank Chart").click()
    for section in ("Clients - Active", "Clients - All"):
        page.get_by_role("group", name=section, exact=True).get_by_label("Qty").check()
    find_field(page, "Type").select_option("Bar")
    page.get_by_label("Stacked").check()
    find_field(page, "From").fill("03/2018")
    find_field(page, "To").fill("06/2018")
    find_field(page, "To").press("Tab")
    page.wait_for_url("**last=06%2F2018*")
    page.locator("#drawing svg").wait_for()
    bars = page.locator("#drawing svg [role=graphics-symbol][aria-roledescription=bar]")
    bars.first.wait_for()
    assert bars.count() == 8
    page.reload()
    bars.first.wait_for()
    assert bars.count() == 8
    page.get_by_text("The chart's numbers").click()
    assert page.locator("#result tbody tr").count() == 4
    for fmt, beginning in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as download:
            page.get_by_role("link", name=fmt).click()
        assert download.value.path().read_bytes().startswith(beginning)


def test_a_query_is_saved_loaded_and_replaced(page, site):
    page.goto("/?interval=last+12+months&group_by=month&client_tags=retail&currency=EUR")
    page.get_by_role("button", name="Save Query").click()
    find_field(page, "Name").fill("retail_year")
    find_field(page, "Title").fill("Retail in euro")
    find_field(page, "Schedule").fill("0 7 1 * *")
    find_field(page, "Send to").fill("finance@example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/saved?saved=retail_year")
    card = page.get_by_role("listitem").filter(has_text="Retail in euro")
    assert "07:00 on day 1 of each month" in card.inner_text()
    text = (site.templates / "retail_year.yaml").read_text()
    assert "client_tags:" in text
    assert "finance@example.com" in text

    page.get_by_role("link", name="Load Retail in euro").click()
    assert find_field(page, "Currency").input_value() == "EUR"
    assert page.get_by_role("button", name="Remove retail").is_visible()
    assert page.get_by_text("Loaded: Retail in euro").is_visible()

    find_field(page, "Currency").fill("USD")
    page.get_by_role("button", name="Save Query").click()
    page.get_by_role("button", name="Save", exact=True).click()
    assert "currency: EUR" in page.locator(".difference .removed").inner_text()
    assert (site.templates / "retail_year.yaml").read_text() == text
    page.get_by_role("button", name="Replace").click()
    page.wait_for_url("**/saved?saved=retail_year")
    assert "EUR" not in (site.templates / "retail_year.yaml").read_text()


def test_a_saved_query_is_sent_as_a_test(page, site):
    (site.templates / "to_try.yaml").write_text(
        "title: To try\nquery: {interval: {from: 2018-01-01, to: 2018-12-31}}\n"
    )
    page.goto("/saved")
    find_field(page, "Address for a test of To try").fill("me@example.com")
    page.get_by_role("button", name="Send a test of To try").click()
    page.get_by_text("Test to me@example.com: sent").wait_for()


def test_a_number_leads_to_its_drill_down(page, report):
    page.goto(f"/view?id={report}")
    page.locator("tbody tr").filter(has_text="Balance Neg").first.get_by_role("link").first.click()
    page.wait_for_url("**/drill?*")
    assert "Clients - Active / Balance Neg: 03/2018" in page.get_by_role("heading", level=1).inner_text()
    assert "Borealis Calls" in page.get_by_role("table").inner_text()
    assert "Acme Voice" not in page.get_by_role("table").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export all to CSV").click()
    assert b"Borealis Calls" in download.value.path().read_bytes()


def test_recomputation_marks_cells_of_a_correction(page, site, report, browser_world, tmp_path, monkeypatch):
    """Correct the renewal of 870.00 to 780.00. It changes 10 balances and the renewals of March."""
    _, folder = browser_world
    shutil.copytree(folder / "extract", tmp_path / "extract")
    transactions = tmp_path / "extract" / "transactions.csv"
    transactions.write_text(transactions.read_text().replace("-870.00", "-780.00"))
    monkeypatch.setenv("DYNAMICS_DATABASE_URL", site.database_url)
    settings.cache_clear()
    with site.connect() as connection:
        load(connection, tmp_path / "extract")
        build_marts(connection, state=tmp_path / "dbt")
    settings.cache_clear()

    page.goto("/archive")
    page.locator(f"a[href='/archive/{report}']").click()
    page.get_by_role("button", name="Compute again and compare").click()
    page.wait_for_url("**/archive/compare?*")
    cell = page.get_by_role("row").filter(has_text="Renew Total").locator("td.differs")
    assert cell.count() == 1
    text = cell.inner_text().replace("\N{MINUS SIGN}", "-")
    assert "-870.00" in text
    assert "-780.00" in text
    assert "+90.00" in text
    count = page.locator("td.differs").count()
    page.get_by_role("link", name="Show differences only").click()
    assert page.locator("td.differs").count() == count > 1
    assert page.get_by_text(f"{count} of 252 cells differ").is_visible()

    page.goto(f"/view?id={report}")
    assert "-870.00" in page.locator("table").inner_text().replace("\N{MINUS SIGN}", "-")
