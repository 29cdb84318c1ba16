"""The documents tell of what is there: settings, commands and the tests that hold a promise."""

import re
from pathlib import Path

import pytest

from orchestration.cli import dynamics
from orchestration.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme(name):
    assert f"`DYNAMICS_{name.upper()}`" in README


@pytest.mark.parametrize("name", sorted(dynamics.commands))
def test_every_command_is_in_the_readme(name):
    assert re.search(rf"`(dynamics )?{name}\b", README)


@pytest.mark.parametrize(
    ("file", "test"), re.findall(r"`(tests/\S+?)::(\w+)`", (ROOT / "docs/deliveries.md").read_text())
)
def test_every_promise_is_held_by_a_test(file, test):
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
