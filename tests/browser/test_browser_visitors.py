"""Who sees what in a browser that has to sign in; and names that attack whoever reads them."""

import os
import subprocess
import sys

import pytest
from axe import problems
from steps import HOSTILE_YEAR, ask, choose, field, until

PASSWORD = "correct horse battery"
USERS = {
    "vera": ("viewer", ["Archive"]),
    "anna": ("analyst", ["Query", "Saved queries", "Archive"]),
    "adam": ("admin", ["Query", "Saved queries", "Archive", "Users"]),
    "nora": ("analyst", ["Query", "Saved queries", "Archive"]),
}


@pytest.fixture(scope="module")
def reports(chromium, site):
    """Ids of the reports that nobody has signed in for: of all clients, of Northline's, of the hostile year."""
    page = chromium.new_page(base_url=site.address)
    year = "from=2018-01-01&to=2018-12-31&group_by=month"
    ids = {
        "everybody": ask(page, year),
        "northline": ask(page, f"{year}&owners=r1"),
        "hostile": ask(page, HOSTILE_YEAR),
    }
    page.close()
    return ids


@pytest.fixture(scope="module")
def users(reports, site):
    """From now on everybody signs in; nora is bound to Northline."""
    for name, (role, _) in USERS.items():
        bound = ["--owner", "Northline Telecom"] if name == "nora" else []
        subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "users", "add", name, "--role", role, *bound],
            env={**os.environ, **site.environment},
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            capture_output=True,
        )


@pytest.fixture
def signed_in(page, users):
    """Signs in as somebody, and gives the window."""

    def sign_in(name):
        page.goto("/archive")
        field(page, "Name").fill(name)
        field(page, "Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/archive")
        return page

    return sign_in


def test_hostile_names_are_text_wherever_they_are_shown(page, reports):
    # Before there are users: the local admin sees all pages.
    page.goto(f"/view?id={reports['hostile']}")
    page.locator("td a").first.wait_for()
    shown = page.locator("table").inner_text()
    assert "<script>alert('package')</script>" in shown
    assert "=cmd|'/c calc'!A1" in shown
    page.goto(f"/drill?id={reports['hostile']}&row=Clients - All/Qty&column=0&block=0")
    assert "=HYPERLINK" in page.get_by_role("table").inner_text()
    page.goto(f"/drill?id={reports['hostile']}&row=Clients - All/Qty&column=3&block=0")
    assert "onerror=alert(1)" in page.get_by_role("table").inner_text()
    page.goto(f"/chart?id={reports['hostile']}&row=Packages: Activation Qty&mark=bar")
    page.locator("#drawing svg").wait_for()
    assert "alert('package')" in page.locator("#drawing svg").inner_html()

    page.goto("/?from=2019-01-01&to=2019-12-31&client_tags=%3Csvg+onload%3Dalert('tag')%3E&output=csv")
    for name, attack in (("Owner", "<script>alert('owner')</script>"), ("Package", "=cmd|'/c calc'!A1")):
        field(page, "Add a filter").fill(name)
        choose(page, name)
        field(page, name).fill(attack[:4])
        choose(page, attack)
        page.get_by_role("button", name=f"Remove {attack}").wait_for()
    page.get_by_role("button", name="Save Query").click()
    field(page, "Name").fill("hostile")
    field(page, "Title").fill("<script>alert('title')</script>")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("heading", name="<script>alert('title')</script>").wait_for()
    page.get_by_role("link", name="Load <script>alert('title')</script>").click()
    page.get_by_role("button", name="Query", exact=True).click()
    page.wait_for_url("**/view?id=*")
    page.get_by_text("Info", exact=True).click()
    assert "onload=alert('tag')" in page.locator(".info").inner_text()
    page.goto("/archive?q=%3Cscript%3E")
    assert "<script>alert('title')</script>" in page.get_by_role("table").inner_text()
    page.goto("/?owners=<img src=x onerror=alert(2)>&interval=<script>alert(3)</script>")
    assert page.locator(".problem").count()


def test_a_link_opens_for_whoever_has_it_and_shows_nothing_more(page, users, reports):
    page.goto(f"/view?id={reports['everybody']}")
    page.get_by_role("button", name="Copy link").wait_for()
    page.wait_for_timeout(300)
    assert not page.locator("header nav").count()
    assert not page.locator("td a").count()
    page.goto("/archive")
    assert "/sign-in?next=" in page.url


@pytest.mark.parametrize("name", USERS)
def test_each_role_is_shown_its_pages(signed_in, name):
    page = signed_in(name)
    assert page.locator("header nav a").all_inner_texts() == USERS[name][1]
    page.goto("/users")
    assert page.get_by_role("heading", name="Users").count() == (name == "adam")
    assert problems(page) == []
    page.goto("/")
    assert page.url.endswith("/archive") == (name == "vera")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/archive")
    assert "/sign-in" in page.url


def test_an_admin_alone_revokes_a_link(signed_in, window, reports):
    page = signed_in("anna")
    page.goto(f"/archive/{reports['hostile']}")
    assert not page.get_by_role("button", name="Revoke").count()
    page.get_by_role("button", name="Sign out").click()
    signed_in("adam")
    page.goto(f"/archive/{reports['hostile']}")
    page.get_by_label("Whoever has the link").check()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("revoked").first.wait_for()
    stranger = window()
    stranger.goto(f"/view?id={reports['hostile']}")
    assert stranger.get_by_role("heading", name="Nothing is here").is_visible()


def test_who_is_bound_to_a_reseller_meets_nobody_elses(signed_in, reports):
    page = signed_in("nora")
    addresses = page.locator("main a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert f"/archive/{reports['northline']}" in addresses
    assert not {f"/archive/{reports[name]}" for name in ("everybody", "hostile")} & set(addresses)
    page.goto(f"/archive/{reports['everybody']}")
    assert page.get_by_role("heading", name="Nothing is here").is_visible()
    page.goto("/?from=2018-01-01&to=2018-12-31&group_by=month")
    field(page, "Add a filter").click()
    until(lambda: page.locator("[role=option]:visible").count())
    assert page.locator("[role=option]:visible").all_inner_texts() == ["Client Tags", "Package"]
    choose(page, "Client Tags")
    field(page, "Client Tags").fill("a")
    until(lambda: page.locator("[role=option]:visible").all_inner_texts() == ["retail"])
    choose(page, "retail")
    page.get_by_role("button", name="Query", exact=True).click()
    page.wait_for_url("**/view?id=*")
    page.get_by_role("link", name="1", exact=True).first.click()
    page.wait_for_url("**/drill?*")
    assert "Borealis Calls" in page.get_by_role("table").inner_text()
