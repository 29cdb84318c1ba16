"""Tests of pages that need a session, by role and owner, and of hostile names."""

import os
import subprocess
import sys

import pytest
from axe import find_violations
from steps import HOSTILE_YEAR, choose, find_field, request_report
from waiting import wait_until

PASSWORD = "correct horse battery"
USERS = {
    "vera": ("viewer", ["Archive"]),
    "anna": ("analyst", ["Query", "Saved queries", "Archive"]),
    "adam": ("admin", ["Query", "Saved queries", "Archive", "Users"]),
    "nora": ("analyst", ["Query", "Saved queries", "Archive"]),
}


@pytest.fixture(scope="module")
def reports(chromium, site):
    """Compute reports of all clients, of Northline and of the hostile year. Return their ids."""
    page = chromium.new_page(base_url=site.address)
    year = "from=2018-01-01&to=2018-12-31&group_by=month"
    ids = {
        "everybody": request_report(page, year),
        "northline": request_report(page, f"{year}&owners=r1"),
        "hostile": request_report(page, HOSTILE_YEAR),
    }
    page.close()
    return ids


@pytest.fixture(scope="module")
def users(reports, site):
    """Add users, so that all visitors have to sign in. Nora is bound to Northline."""
    for name, (role, _) in USERS.items():
        owner = ["--owner", "Northline Telecom"] if name == "nora" else []
        subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "users", "add", name, "--role", role, *owner],
            env={**os.environ, **site.environment},
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            capture_output=True,
        )


@pytest.fixture
def signed_in(page, users):
    """Return a function that signs a user in and returns the window."""

    def sign_in(name):
        page.goto("/archive")
        find_field(page, "Name").fill(name)
        find_field(page, "Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/archive")
        return page

    return sign_in


def test_hostile_names_are_text_on_every_page(page, reports):
    # There are no users yet, so the local admin sees all pages.
    page.goto(f"/view?id={reports['hostile']}")
    page.locator("td a").first.wait_for()
    text = page.locator("table").inner_text()
    assert "<script>alert('package')</script>" in text
    assert "=cmd|'/c calc'!A1" in text
    page.goto(f"/drill?id={reports['hostile']}&row=Clients - All/Qty&column=0&block=0")
    assert "=HYPERLINK" in page.get_by_role("table").inner_text()
    page.goto(f"/drill?id={reports['hostile']}&row=Clients - All/Qty&column=3&block=0")
    assert "onerror=alert(1)" in page.get_by_role("table").inner_text()
    page.goto(f"/chart?id={reports['hostile']}&row=Packages: Activation Qty&mark=bar")
    page.locator("#drawing svg").wait_for()
    assert "alert('package')" in page.locator("#drawing svg").inner_html()

    page.goto("/?from=2019-01-01&to=2019-12-31&client_tags=%3Csvg+onload%3Dalert('tag')%3E&output=csv")
    for name, attack in (("Owner", "<script>alert('owner')</script>"), ("Package", "=cmd|'/c calc'!A1")):
        find_field(page, "Add a filter").fill(name)
        choose(page, name)
        find_field(page, name).fill(attack[:4])
        choose(page, attack)
        page.get_by_role("button", name=f"Remove {attack}").wait_for()
    page.get_by_role("button", name="Save Query").click()
    find_field(page, "Name").fill("hostile")
    find_field(page, "Title").fill("<script>alert('title')</script>")
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


def test_a_link_opens_only_its_report_without_sign_in(page, users, reports):
    held = []

    def hold(route):
        held.append(route)  # Playwright cannot register a built-in method

    page.route("**/view/header", hold)
    page.goto(f"/view?id={reports['everybody']}")
    wait_until(lambda: page.locator("header").count() and held, "the header is requested")
    first_header = page.locator("header").element_handle()
    held[0].continue_()
    wait_until(lambda: not first_header.evaluate("header => header.isConnected"), "the header is replaced")
    page.get_by_role("button", name="Copy link").wait_for()
    assert not page.locator("header nav").count()
    assert not page.locator("td a").count()
    page.goto("/archive")
    assert "/sign-in?next=" in page.url


@pytest.mark.parametrize("name", USERS)
def test_each_role_sees_its_pages(signed_in, name):
    page = signed_in(name)
    assert page.locator("header nav a").all_inner_texts() == USERS[name][1]
    page.goto("/users")
    assert page.get_by_role("heading", name="Users").count() == (name == "adam")
    assert find_violations(page) == []
    page.goto("/")
    assert page.url.endswith("/archive") == (name == "vera")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/archive")
    assert "/sign-in" in page.url


def test_only_an_admin_revokes_a_link(signed_in, window, reports):
    page = signed_in("anna")
    page.goto(f"/archive/{reports['hostile']}")
    assert not page.get_by_role("button", name="Revoke").count()
    page.get_by_role("button", name="Sign out").click()
    signed_in("adam")
    page.goto(f"/archive/{reports['hostile']}")
    page.get_by_label("The link stops working").check()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("revoked").first.wait_for()
    stranger = window()
    stranger.goto(f"/view?id={reports['hostile']}")
    assert stranger.get_by_role("heading", name="Report not found").is_visible()


def test_a_bound_visitor_sees_only_own_clients(signed_in, reports):
    page = signed_in("nora")
    addresses = page.locator("main a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert f"/archive/{reports['northline']}" in addresses
    assert not {f"/archive/{reports[name]}" for name in ("everybody", "hostile")} & set(addresses)
    page.goto(f"/archive/{reports['everybody']}")
    assert page.get_by_role("heading", name="Report not found").is_visible()
    page.goto("/?from=2018-01-01&to=2018-12-31&group_by=month")
    find_field(page, "Add a filter").click()
    wait_until(page.locator("[role=option]:visible").count, "the list is open")
    assert page.locator("[role=option]:visible").all_inner_texts() == ["Client Tags", "Package"]
    choose(page, "Client Tags")
    find_field(page, "Client Tags").fill("a")
    wait_until(
        lambda: page.locator("[role=option]:visible").all_inner_texts() == ["retail"],
        "the list has retail only",
    )
    choose(page, "retail")
    page.get_by_role("button", name="Query", exact=True).click()
    page.wait_for_url("**/view?id=*")
    page.get_by_role("link", name="1", exact=True).first.click()
    page.wait_for_url("**/drill?*")
    assert "Borealis Calls" in page.get_by_role("table").inner_text()
