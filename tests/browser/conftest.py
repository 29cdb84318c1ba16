"""A real browser at the real pages: uvicorn on loopback, Postgres, bucket and mailbox of the worker's home.

Every window is watched: whoever asks another host, breaks the content policy, writes an error to the console or opens
a dialog (as an attack would) fails the test.
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
from served import HOW_TO_INSTALL, chromium_path, launch, served

from orchestration import database as database_room
from orchestration.builds import build_marts
from orchestration.settings import settings
from orchestration.source import load

GOLDEN = Path(__file__).parent.parent / "golden" / "source"
AS_OF = datetime(2020, 1, 1, tzinfo=UTC)
# Who attacks came in 2019, under another reseller: the golden year 2018 stays as it is.
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
        return database_room.connect(self.database_url)


@pytest.fixture(scope="session")
def installed():
    """There is a Chromium; otherwise nothing is built for it, and where it is required (.ci/run) the tests fail."""
    with sync_playwright() as playwright:
        found = chromium_path(playwright)
    if found is None:
        (pytest.fail if os.environ.get("DYNAMICS_REQUIRE_BROWSER") else pytest.skip)(HOW_TO_INSTALL)


@pytest.fixture(scope="session")
def browser_world(installed, server_url, migrated_template, tmp_path_factory):
    """A database of the golden year and of hostile names, its extract, and where dbt keeps its state."""
    name, folder = f"browser_world_{secrets.token_hex(4)}", tmp_path_factory.mktemp("browser_world")
    shutil.copytree(GOLDEN, folder / "extract")
    for table, rows in HOSTILE.items():
        with (folder / "extract" / f"{table}.csv").open("a") as file:
            file.write(rows)
    url = databases.create(server_url, name, migrated_template)
    with pytest.MonkeyPatch.context() as patch, database_room.connect(url) as connection:
        patch.setenv("DYNAMICS_DATABASE_URL", url)
        settings.cache_clear()
        load(connection, folder / "extract", as_of=AS_OF)
        build_marts(connection, state=folder / "dbt")
    settings.cache_clear()
    return name, folder


@pytest.fixture(scope="module")
def playwright(installed):
    """For a module alone: as long as it runs, nobody else in this process can run an event loop."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playwright):
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def site(chromium, server_url, browser_world, home, tmp_path_factory):
    """The pages over a copy of that world, for the module; nobody has to sign in until there is a user."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "report_templates").mkdir()
    with databases.fresh(server_url, browser_world[0]) as url:
        environment = {
            "DYNAMICS_HOME": str(home),
            "DYNAMICS_DATABASE_URL": url,
            "DYNAMICS_TEMPLATES": str(folder / "report_templates"),
        }
        with served(environment) as address:
            yield Site(address, url, folder / "report_templates", environment)


class Watch:
    """What the windows of a context did that no page of ours does."""

    def __init__(self, site: Site, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self._host = urlsplit(site.address).netloc
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        context.on("dialog", self._dialog)

    def _request(self, request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in ("data", "blob") and asked.netloc != self._host:
            self.complaints.append(f"another host: {request.url}")

    def _console(self, message) -> None:
        # A page that answers 404 or 422 is what some tests ask for; a script or picture that does is not.
        of_page = message.page and message.location["url"] == message.page.url
        if message.type in ("error", "warning") and not (
            of_page and message.text.startswith("Failed to load resource")
        ):
            self.complaints.append(f"console: {message.text} {message.location}")

    def _dialog(self, dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def window(chromium, site):
    """Opens a watched window; `options` are those of Playwright's `new_context`."""
    opened = []

    def open_window(**options) -> Page:
        given = {"base_url": site.address, "locale": "en-GB", "viewport": {"width": 1280, "height": 800}}
        context = chromium.new_context(**given | options)
        context.set_default_timeout(20_000)
        opened.append((context, Watch(site, context)))
        return context.new_page()

    yield open_window
    for context, _ in opened:
        context.close()
    assert [each for _, watch in opened for each in watch.complaints] == []


@pytest.fixture
def page(window):
    """A window as most people have it."""
    return window()
