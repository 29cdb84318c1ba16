"""Frames of workbooks on disk: the same bytes as without them, and no openpyxl."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl.utils import get_column_letter
from rendering_tables import PROVENANCE, report, table

from orchestration.rendering import frame_store, render, xlsx
from orchestration.rendering.xlsx_cells import column_letters
from orchestration.settings import settings


@pytest.fixture
def frames(monkeypatch, tmp_path):
    """The folder of the frames in a fresh home."""
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    xlsx._frame.cache_clear()
    yield tmp_path / "frames"
    settings.cache_clear()
    xlsx._frame.cache_clear()


def workbook(columns=3, **options):
    """The workbook of a process that has no frame in memory."""
    xlsx._frame.cache_clear()
    return render(report(table(columns)), PROVENANCE, "xlsx", **options)


def test_a_frame_from_disk_gives_the_same_bytes(frames):
    for options in ({}, {"chart": "balance_refill_total"}):
        made = workbook(**options)
        assert workbook(**options) == made
    assert len(list(frames.iterdir())) == 2


def test_each_shape_has_its_frame(frames):
    workbook(3)
    workbook(4)
    workbook(3, chart="balance_refill_total")
    workbook(3, chart="clients_active_qty")
    assert len(list(frames.iterdir())) == 4


@pytest.mark.parametrize("damage", [b"", b"{}", b"0" * 64 + b"\n{}"], ids=["empty", "no hash", "wrong hash"])
def test_a_damaged_frame_is_made_again(frames, damage):
    made = workbook()
    (file,) = frames.iterdir()
    whole = file.read_bytes()
    for content in (damage, whole[:-10], whole.replace(b"Calibri", b"Cambria")):
        file.write_bytes(content)
        assert workbook() == made
        assert file.read_bytes() == whole


def test_a_frame_of_another_version_is_not_used(frames, monkeypatch):
    workbook()
    monkeypatch.setattr(frame_store, "_versions", lambda: "another openpyxl")
    workbook()
    assert len(list(frames.iterdir())) == 2


def test_the_oldest_frames_make_room(frames, monkeypatch):
    monkeypatch.setattr(frame_store, "_FRAMES_AT_MOST", 2)
    seen = []
    for columns in (1, 2, 3):
        workbook(columns)
        (new,) = set(frames.iterdir()) - set(seen)
        os.utime(new, (columns, columns))
        seen.append(new)
    assert sorted(frames.iterdir()) == sorted(seen[1:])


def test_without_a_home_frames_are_made_and_not_kept(frames, tmp_path):
    tmp_path.rmdir()
    assert workbook()
    assert not tmp_path.exists()


def test_a_workbook_from_a_kept_frame_needs_no_openpyxl(frames):
    tests = Path(__file__).parent
    code = (
        "import sys; from rendering_tables import *; from orchestration.rendering import render\n"
        "sys.stdout.buffer.write(render(report(table()), PROVENANCE, 'xlsx'))\n"
        "assert 'openpyxl' not in sys.modules"
    )
    made = workbook()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(tests)])},
        capture_output=True,
        check=True,
    )
    assert done.stdout == made


def test_columns_are_named_as_sheets_name_them():
    named = [column_letters(column) for column in range(1, 16_385)]
    assert named == [get_column_letter(column) for column in range(1, 16_385)]
