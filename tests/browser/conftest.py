"""Chromium at the pages, which `dynamics serve` serves with the servers of the test worker.

A test fails if a window sends a request to another host, breaks the content policy, writes an error
to the console, or opens a dialog.
"""

import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import databases
import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright
from server import INSTALL_HINT, find_chromium, launch_chromium, run_server

from orchestration.builds import build_marts
from orchestration.db.database import connect
from orchestration.settings import settings
from orchestration.source import load

GOLDEN = Path(__file__).parent.parent / "golden" / "source"
AS_OF = datetime(2020, 1, 1, tzinfo=UTC)
# The hostile names belong to another reseller and to 2019, so the golden year 2018 does not change.
HOSTILE = {
    "clients": """r2,"<script>alert('owner')</script>",reseller,,USD,2019-01-01T00:00:00Z,2019-01-01T00:00:00Z
h1,"=HYPERLINK(""http://evil.example"",""x"")",client,r2,USD,2019-01-02T00:00:00Z,2019-01-02T00:00:00Z
h2,"<script>alert('client')</script>",client,r2,EUR,2019-01-02T00:00:00Z,2019-01-02T00:00:00Z
h3,"<img src=http://evil.example/x onerror=alert(1)>",client,r2,USD,2019-01-02T00:00:00Z,2019-01-02T00:00:00Z
""",
    "client_tags": """h1,"<svg onload=alert('tag')>"\nh2,"<svg onload=alert('tag')>"\n""",
    "packages": """p2,"<script>alert('package')</script>"\np3,"=cmd|'/c calc'!A1"\n""",
    "transactions": """h11,h1,2019-02-01T09:00:00Z,package_activation,-10.00,p2,2019-02-01T09:00:00Z,
h12,h1,2019-02-01T09:00:01Z,package_renewal,-10.00,p2,2019-02-01T09:00:01Z,
h21,h2,2019-03-02T09:00:00Z,package_activation,-20.00,p3,2019-03-02T09:00:00Z,
h31,h3,2019-03-03T09:00:00Z,refill,1234567.89,,2019-03-03T09:00:00Z,
""",
}


@dataclass(frozen=True)
class Site:
    """The pages over a database of their own."""

    address: str
    database_url: str
    templates: Path
    environment: dict[str, str]

    def connect(self):
        """Connect to the database of the pages."""
        return connect(self.database_url)


@pytest.fixture(scope="session")
def chromium_installed():
    """Skip the test if there is no Chromium. Fail it if DYNAMICS_REQUIRE_BROWSER is set."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
    if path is None:
        (pytest.fail if os.environ.get("DYNAMICS_REQUIRE_BROWSER") else pytest.skip)(INSTALL_HINT)


@pytest.fixture(scope="session")
def browser_world(chromium_installed, server_url, migrated_template, tmp_path_factory):
    """Build a database of the golden year and of hostile names. Return its name and its folder.

    The folder contains the extract and the state of dbt.
    """
    name, folder = f"browser_world_{secrets.token_hex(4)}", tmp_path_factory.mktemp("browser_world")
    shutil.copytree(GOLDEN, folder / "extract")
    for table, rows in HOSTILE.items():
        with (folder / "extract" / f"{table}.csv").open("a") as file:
            file.write(rows)
    url = databases.create(server_url, name, migrated_template)
    with pytest.MonkeyPatch.context() as patch, connect(url) as connection:
        patch.setenv("DYNAMICS_DATABASE_URL", url)
        settings.cache_clear()
        load(connection, folder / "extract", as_of=AS_OF)
        build_marts(connection, state=folder / "dbt")
    settings.cache_clear()
    return name, folder


@pytest.fixture(scope="module")
def playwright(chromium_installed):
    """Run Playwright for one module: meanwhile no other event loop can run in this process."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playwright):
    """Run a headless Chromium for the module."""
    browser = launch_chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def site(chromium, server_url, browser_world, home, tmp_path_factory):
    """Serve the pages over a copy of that world, for one module. At first there are no users."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "report_templates").mkdir()
    with databases.fresh(server_url, browser_world[0]) as url:
        environment = {
            "DYNAMICS_HOME": str(home),
            "DYNAMICS_DATABASE_URL": url,
            "DYNAMICS_TEMPLATES": str(folder / "report_templates"),
        }
        with run_server(environment) as address:
            yield Site(address, url, folder / "report_templates", environment)


class Watch:
    """Records what the windows of a browser context must not do."""

    def __init__(self, site: Site, context: BrowserContext) -> None:
        self.violations: list[str] = []
        self._host = urlsplit(site.address).netloc
        context.on("request", self._check_request)
        context.on("console", self._check_console)
        context.on("weberror", lambda error: self.violations.append(f"script: {error.error}"))
        context.on("dialog", self._check_dialog)

    def _check_request(self, request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self._host:
            self.violations.append(f"another host: {request.url}")

    def _check_console(self, message) -> None:
        # A test may open a page that answers 404 or 422. Scripts and pictures must always load.
        is_about_page = message.page and message.location["url"] == message.page.url
        if message.type in ("error", "warning") and not (
            is_about_page and message.text.startswith("Failed to load resource")
        ):
            self.violations.append(f"console: {message.text} {message.location}")

    def _check_dialog(self, dialog) -> None:
        self.violations.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def window(chromium, site):
    """Return a function that opens a watched window with options of `new_context`."""
    contexts = []

    def open_window(**options) -> Page:
        defaults = {"base_url": site.address, "locale": "en-GB", "viewport": {"width": 1280, "height": 800}}
        context = chromium.new_context(**defaults | options)
        context.set_default_timeout(20_000)
        contexts.append((context, Watch(site, context)))
        return context.new_page()

    yield open_window
    for context, _ in contexts:
        context.close()
    assert [violation for _, watch in contexts for violation in watch.violations] == []


@pytest.fixture
def page(window):
    """Open a watched window of the default size."""
    return window()
