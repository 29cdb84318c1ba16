"""Tests that the documentation agrees with the code: settings, commands, paths and promises."""

import re
from pathlib import Path

import pytest

from orchestration.cli import dynamics
from orchestration.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    # Records of decisions keep the names of their time.
    if path.parent.name != "adr"
)
SETTINGS_PAGE = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
COMMANDS_PAGE = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")

PATH = re.compile(
    r"`((?:orchestration|dbt_project|report_templates|tests|docs|benchmarks|\.ci)/[\w./-]*)(?:::\w+)?`"
)
PROMISE = re.compile(r"`(tests/\S+?)::(\w+)`")


def texts_of(pattern):
    """Return each match of a pattern with the page that it is on, relative to the checkout."""
    return [
        pytest.param(
            page, match, id=f"{page.relative_to(ROOT)}-{match if isinstance(match, str) else match[1]}"
        )
        for page in PAGES
        for match in pattern.findall(page.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name):
    assert f"`DYNAMICS_{name.upper()}`" in SETTINGS_PAGE


@pytest.mark.parametrize("name", sorted(dynamics.commands))
def test_every_command_is_documented(name):
    assert re.search(rf"^## dynamics {name}\b", COMMANDS_PAGE, re.MULTILINE)


@pytest.mark.parametrize(("page", "promise"), texts_of(PROMISE))
def test_every_promise_is_held_by_a_test(page, promise):
    file, test = promise
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["docs/deliveries.md", "docs/web.md"])
def test_pages_of_promises_name_their_tests(name):
    assert len(PROMISE.findall((ROOT / name).read_text(encoding="utf-8"))) > 10


@pytest.mark.parametrize(("page", "path"), texts_of(PATH))
def test_every_path_in_the_documentation_exists(page, path):
    name = path.split("/")[-1]
    if name.startswith("NAME") or name == "retail_monthly.yaml":
        pytest.skip("an example")
    assert (ROOT / path).exists()


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page not in navigation] == []


GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
GLOSSARY_CODE = sorted(
    {
        name
        for line in GLOSSARY.splitlines()
        if line.startswith("|")
        for name in re.findall(r"`([^`]+)`", line.split("|")[-2])
    }
)


@pytest.fixture(scope="module")
def source_text():
    """The text of all Python, SQL and YAML files of the product."""
    folders = ("orchestration", "dbt_project", "report_templates")
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return "\n".join(
        f"{path.relative_to(ROOT)}\n{path.read_text(encoding='utf-8')}"
        for path in paths
        if path.suffix in (".py", ".sql", ".yml", ".yaml", ".j2")
    )


@pytest.mark.parametrize("name", GLOSSARY_CODE)
def test_every_name_in_the_glossary_exists(name, source_text):
    words = re.sub(r"^(marts|billing|dynamics)\b\.? ?", "", name).removeprefix("DYNAMICS_").removesuffix("/")
    parts = [words] if "/" in words else re.split(r"[.: ]+", words)
    for part in parts:
        assert part in source_text or part.lower() in source_text
