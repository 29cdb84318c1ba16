"""A pytest plugin that gives each test the marker of its level.

`unit` tests need no server: `make test-fast` runs those that are not `slow`. `integration` tests
use the local Postgres, bucket or mailbox. `browser` tests open pages in Chromium. `faults` tests
kill and stop processes. A test has one of these four markers, and it can also be `slow`.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

INTEGRATION = ("db/", "local/", "object_store/")
"""Folders and files whose tests start services without the fixture `home`."""

SLOW = (
    "benchmarks/",
    "deployment/",
    "docs/test_site.py",
    "faults/",
    "reference/test_strategies.py",
    "scheduling/test_clock_year.py",
    "scheduling/test_reload.py",
    "scheduling/test_supervisor.py",
    "test_demo.py",
    "test_whole_way.py",
    "web/test_web_schemathesis.py",
)
"""Folders and files whose tests take many seconds each."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Add the markers before pytest reads the option `-m`."""
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        item.add_marker(level_of(item, path))
        if path.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def level_of(item: pytest.Item, path: str) -> pytest.MarkDecorator:
    """Return the marker of the level of a test."""
    if path.startswith("browser/"):
        return pytest.mark.browser
    if path.startswith("faults/"):
        return pytest.mark.faults
    if path.startswith(INTEGRATION) or uses_services(item):
        return pytest.mark.integration
    return pytest.mark.unit


def uses_services(item: pytest.Item) -> bool:
    """Return True if the test or one of its fixtures asks for the home of the local services.

    Every test has the fixture `home`, because it is automatic. Only a test that starts a service
    names it.
    """
    if not isinstance(item, pytest.Function):
        return False
    info = item._fixtureinfo
    definitions = [definition for named in info.name2fixturedefs.values() for definition in named]
    return "home" in info.argnames or any("home" in definition.argnames for definition in definitions)
