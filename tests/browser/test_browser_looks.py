"""Tests that every page is accessible (WCAG 2.2 AA) and fits its window, in every mode."""

import pytest
from axe import find_violations
from steps import GOLDEN_YEAR, HOSTILE_YEAR, request_report

PAGES = (
    "form",
    "form of everything",
    "form that is wrong",
    "report",
    "report by package",
    "report by date",
    "chart",
    "blank chart",
    "chart that is wrong",
    "saving",
    "saved",
    "archive",
    "archive searched in vain",
    "entry",
    "comparison",
    "clients",
    "users",
    "sign-in",
    "nothing",
)
MODES = {
    "light, on a desktop": {},
    "dark, on a phone": {
        "color_scheme": "dark",
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
    },
}


@pytest.fixture(scope="module")
def addresses(chromium, site):
    """Return the address of every page by its name."""
    page = chromium.new_page(base_url=site.address)
    golden = request_report(page)
    page.goto("/saved/new?interval=this+month")
    page.get_by_label("Name").fill("monthly")
    page.get_by_label("Title", exact=True).fill("Month by month")
    page.get_by_role("button", name="Save", exact=True).click()
    by_package = request_report(page, "from=2019-02-01&to=2019-03-31&group_by=package_name&group_by=month")
    hostile = request_report(page, HOSTILE_YEAR)
    vip = request_report(page, GOLDEN_YEAR + "&client_tags=vip")
    by_date = request_report(page, "from=2018-02-20&to=2018-03-31&group_by=date")
    page.close()
    everything = (
        "client_tags=retail&owners=Northline+Telecom&packages=Unlimited+870&output=xlsx&send_to=a%40b.example"
    )
    return {
        "form": "/",
        "form of everything": f"/?{GOLDEN_YEAR}&{everything}",
        "form that is wrong": "/?interval=never&timezone=Mars&currency=XXX&owners=Nobody&active_duration=0",
        "report": f"/view?id={golden}",
        "report by package": f"/view?id={by_package}",
        "report by date": f"/view?id={by_date}",
        "chart": f"/chart?id={golden}&chart=balance_refill_total",
        "blank chart": f"/chart?id={hostile}",
        "chart that is wrong": f"/chart?id={golden}&row=Clients+-+All:+Qty&first=never",
        "saving": f"/saved/new?{GOLDEN_YEAR}",
        "saved": "/saved",
        "archive": "/archive",
        "archive searched in vain": "/archive?q=never&since=2018-01-01",
        "entry": f"/archive/{golden}",
        "comparison": f"/archive/compare?left={golden}&right={vip}",
        "clients": f"/drill?id={golden}&row=Clients - Active/Qty&column=3&block=0",
        "users": "/users",
        "sign-in": "/sign-in",
        "nothing": "/view?id=none",
    }


def open_page(page, address):
    """Open a page and wait until its scripts have finished their first work."""
    page.goto(address)
    if page.locator("#copy-link").count():
        page.locator("header nav").wait_for()
    if page.locator("#drawing").count():
        page.locator("#drawing svg").wait_for()


@pytest.mark.parametrize("mode", MODES)
def test_every_page_is_accessible_and_fits_the_window(window, addresses, mode):
    page = window(**MODES[mode])
    violations = {}
    for name in PAGES:
        open_page(page, addresses[name])
        violations[name] = find_violations(page)
        page_width, window_width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        if page_width > window_width:
            violations[name].append(f"the page is {page_width} px wide, its window {window_width}")
    assert {name: lines for name, lines in violations.items() if lines} == {}


def test_dark_mode_is_dark(window, addresses):
    def background(scheme):
        page = window(color_scheme=scheme)
        page.goto(addresses["report"])
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert sum(map(int, background("dark")[4:-1].split(","))) < 150
    assert sum(map(int, background("light")[4:-1].split(","))) > 600


def test_the_printed_report_is_complete_without_buttons(page, addresses):
    page.goto(addresses["report"])
    page.emulate_media(media="print")
    assert not page.get_by_role("link", name="Export to CSV").is_visible()
    assert not page.locator("header").is_visible()
    assert page.locator(".scroll").evaluate("frame => getComputedStyle(frame).overflow") == "visible"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
