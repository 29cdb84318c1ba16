"""Tests of the documentation site: no warning, no broken link, no request to another host."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[2]

LOADING = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
"""The attribute by which an element loads something when a page opens."""


class Page(HTMLParser):
    """The links, anchors and loaded addresses of one page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.loaded = [], set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if values.get("id"):
            self.anchors.add(values["id"])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag in LOADING and values.get(LOADING[tag]):
            self.loaded.append(values[LOADING[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site that was built by `make docs`, in a place of its own."""
    folder = tmp_path_factory.mktemp("site")
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "mkdocs.yml").write_text(config, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", "mkdocs.yml"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "docs"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    assert done.returncode == 0, output
    assert "warning" not in output.lower(), output
    return folder / "build" / "site"


@pytest.fixture(scope="module")
def pages(site):
    """Each page of the site by its path."""
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_page_is_built(site, pages):
    sources = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert sources <= {path.relative_to(site) for path in pages}


def test_every_link_leads_somewhere(site, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            address, anchor = urldefrag(link)
            if urlsplit(address).scheme or path.name == "404.html":
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            target = target / "index.html" if target.is_dir() else target
            anchors = pages[target].anchors | {"__top"} if target in pages else set()
            if not target.is_file() or (anchor and unquote(anchor) not in anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_no_page_asks_another_host(pages):
    assert [address for page in pages.values() for address in page.loaded if urlsplit(address).netloc] == []


def test_no_style_asks_another_host(site):
    asked = [
        (path.name, address)
        for path in site.rglob("*.css")
        for address in re.findall(
            r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", path.read_text(encoding="utf-8")
        )
        if urlsplit(address).netloc
    ]
    assert asked == []


def test_diagrams_are_drawn_when_the_site_is_built(site):
    page = (site / "explanation" / "architecture.html").read_text(encoding="utf-8")
    assert page.count('<figure class="diagram">') == 2
    # The theme would load a script from another host for an element of this class.
    assert 'class="mermaid"' not in page


def test_the_theme_uses_fonts_of_the_system():
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), yaml.BaseLoader)
    assert config["theme"]["font"] == "false"


@pytest.fixture(scope="module")
def browser():
    """Chromium. Without it the test is skipped, or fails where CI requires a browser."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        (pytest.fail if os.environ.get("DYNAMICS_REQUIRE_BROWSER") else pytest.skip)("no chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize("name", ["index", "explanation/architecture", "reference/tables"])
def test_an_opened_page_requests_files_of_the_site_only(site, browser, name):
    page = browser.new_page()
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto((site / f"{name}.html").as_uri(), wait_until="networkidle")
    assert len(requested) > 1
    assert [url for url in requested if not url.startswith((site.as_uri(), "data:", "blob:"))] == []
    page.close()
