"""Workbook templates on disk: they give the same bytes and need no openpyxl."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl.utils import get_column_letter
from rendering_tables import PROVENANCE, report, table

from orchestration.rendering import render, xlsx_template_store
from orchestration.rendering.xlsx import clear_template_cache
from orchestration.rendering.xlsx_cells import format_column_letters
from orchestration.settings import settings


@pytest.fixture
def templates(monkeypatch, tmp_path):
    """Return the folder of the templates in a new home."""
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    clear_template_cache()
    yield tmp_path / "workbook_templates"
    settings.cache_clear()
    clear_template_cache()


def workbook(columns=3, **options):
    """Return the workbook of a process that has no template in memory."""
    clear_template_cache()
    return render(report(table(columns)), PROVENANCE, "xlsx", **options)


def test_a_template_from_disk_gives_the_same_bytes(templates):
    for options in ({}, {"chart": "balance_refill_total"}):
        expected = workbook(**options)
        assert workbook(**options) == expected
    assert len(list(templates.iterdir())) == 2


def test_each_shape_has_its_template(templates):
    workbook(3)
    workbook(4)
    workbook(3, chart="balance_refill_total")
    workbook(3, chart="clients_active_qty")
    assert len(list(templates.iterdir())) == 4


@pytest.mark.parametrize("damage", [b"", b"{}", b"0" * 64 + b"\n{}"], ids=["empty", "no hash", "wrong hash"])
def test_a_damaged_template_is_made_again(templates, damage):
    expected = workbook()
    (file,) = templates.iterdir()
    whole = file.read_bytes()
    for content in (damage, whole[:-10], whole.replace(b"Calibri", b"Cambria")):
        file.write_bytes(content)
        assert workbook() == expected
        assert file.read_bytes() == whole


def test_a_template_of_another_release_is_not_used(templates, monkeypatch):
    workbook()
    monkeypatch.setattr(xlsx_template_store, "hash_code", lambda: "another openpyxl")
    workbook()
    assert len(list(templates.iterdir())) == 2


def test_the_oldest_templates_are_removed(templates, monkeypatch):
    monkeypatch.setattr(xlsx_template_store, "MAX_TEMPLATES", 2)
    stored = []
    for columns in (1, 2, 3):
        workbook(columns)
        (new,) = set(templates.iterdir()) - set(stored)
        os.utime(new, (columns, columns))
        stored.append(new)
    assert sorted(templates.iterdir()) == sorted(stored[1:])


def test_a_missing_home_stores_no_template(templates, tmp_path):
    tmp_path.rmdir()
    assert workbook()
    assert not tmp_path.exists()


def test_a_stored_template_needs_no_openpyxl(templates):
    tests = Path(__file__).parent
    code = (
        "import sys; from rendering_tables import *; from orchestration.rendering import render\n"
        "sys.stdout.buffer.write(render(report(table()), PROVENANCE, 'xlsx'))\n"
        "assert 'openpyxl' not in sys.modules"
    )
    expected = workbook()
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(tests)])},
        capture_output=True,
        check=True,
    )
    assert process.stdout == expected


def test_column_letters_are_those_of_openpyxl():
    names = [format_column_letters(column) for column in range(1, 16_385)]
    assert names == [get_column_letter(column) for column in range(1, 16_385)]
