"""Tests that the generated reference pages are those that the code gives."""

import importlib
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generator():
    """The module `docs/generate.py`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        return importlib.import_module("generate")


def test_reference_pages_are_not_stale(generator, database):
    pages = generator.generate_pages(database)
    stale = [
        name
        for name, text in pages.items()
        if (DOCS / "reference" / name).read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run `make docs-reference`"


def test_every_column_has_a_description(generator, database):
    undescribed = []
    for section in generator.generate_pages(database)["tables.md"].split("\n### ")[1:]:
        table, *lines = section.splitlines()
        undescribed += [f"{table} {line}" for line in lines if line.endswith("|  |")]
    assert undescribed == []
