"""Tests that the notebook of the documentation runs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "analysis.ipynb"


@pytest.fixture(scope="module")
def executed(make_snapshot):
    """The notebook after a run over the snapshots of the golden extract."""
    make_snapshot(saved_query="monthly_finance")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(NOTEBOOK.parent))
    return notebook


def outputs_of(notebook):
    """Return the outputs of the last expression of each code cell."""
    return [
        output.data
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]


def test_notebook_shows_frames_and_a_chart(executed):
    shown = outputs_of(executed)
    assert sum("text/html" in data for data in shown) >= 5
    assert any("image/png" in data for data in shown)


def test_stored_notebook_has_no_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell.outputs for cell in notebook.cells if cell.get("outputs")] == []
