"""Every page in light and dark, at a desk, on a phone and on paper: readable by all (WCAG 2.2 AA), and as wide as its window."""

import pytest
from axe import problems
from steps import GOLDEN_YEAR, HOSTILE_YEAR, ask

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
    "light, at a desk": {},
    "dark, on a phone": {
        "color_scheme": "dark",
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
    },
}


@pytest.fixture(scope="module")
def addresses(chromium, site):
    """The address of every page, by its name."""
    asking = chromium.new_page(base_url=site.address)
    golden = ask(asking)
    asking.goto("/saved/new?interval=this+month")
    asking.get_by_label("Name").fill("monthly")
    asking.get_by_label("Title", exact=True).fill("Month by month")
    asking.get_by_role("button", name="Save", exact=True).click()
    by_package = ask(asking, "from=2019-02-01&to=2019-03-31&group_by=package_name&group_by=month")
    hostile = ask(asking, HOSTILE_YEAR)
    vip = ask(asking, GOLDEN_YEAR + "&client_tags=vip")
    by_date = ask(asking, "from=2018-02-20&to=2018-03-31&group_by=date")
    asking.close()
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


def settled(page, address):
    """Opens a page and waits until its scripts have done what they do at first."""
    page.goto(address)
    if page.locator("#copy-link").count():
        page.locator("header nav").wait_for()
    if page.locator("#drawing").count():
        page.locator("#drawing svg").wait_for()


@pytest.mark.parametrize("mode", MODES)
def test_every_page_is_for_everyone_and_fits(window, addresses, mode):
    page = window(**MODES[mode])
    found = {}
    for name in PAGES:
        settled(page, addresses[name])
        found[name] = problems(page)
        width, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        if width > shown:
            found[name].append(f"the page is {width} px wide, its window {shown}")
    assert {name: each for name, each in found.items() if each} == {}


def test_dark_is_dark(window, addresses):
    def background(scheme):
        page = window(color_scheme=scheme)
        page.goto(addresses["report"])
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert sum(map(int, background("dark")[4:-1].split(","))) < 150
    assert sum(map(int, background("light")[4:-1].split(","))) > 600


def test_on_paper_the_report_is_whole_and_its_buttons_are_not_there(page, addresses):
    page.goto(addresses["report"])
    page.emulate_media(media="print")
    assert not page.get_by_role("link", name="Export to CSV").is_visible()
    assert not page.locator("header").is_visible()
    assert page.locator(".scroll").evaluate("frame => getComputedStyle(frame).overflow") == "visible"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
