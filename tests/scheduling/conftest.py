"""A home for `dynamics up`, with one saved query."""

from pathlib import Path
from typing import NamedTuple

import pytest
from supervisor_process import write_saved_query

from orchestration import local


class SupervisedHome(NamedTuple):
    """The folders of a home and of its saved queries."""

    home: Path
    templates: Path


@pytest.fixture(scope="session")
def supervised_folder(home, tmp_path_factory):
    """Create a folder for homes, and stop the services of its home at the end.

    The tests share it, so that the database is created once. `home` marks these tests as tests that
    need services.
    """
    folder = tmp_path_factory.mktemp("up")
    (folder / "templates").mkdir()
    yield folder
    local.stop(folder / "home")


@pytest.fixture
def supervised_home(supervised_folder):
    """Return a home with the saved query `daily` only."""
    templates = supervised_folder / "templates"
    for path in templates.iterdir():
        path.unlink()
    write_saved_query(templates, "daily", "30 6 * * *")
    return SupervisedHome(supervised_folder / "home", templates)
