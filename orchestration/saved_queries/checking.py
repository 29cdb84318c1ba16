"""`dynamics check`: saved queries against their rules, and their names against the data."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orchestration.builds.store import current_build
from orchestration.connections import database
from orchestration.errors import DynamicsError
from orchestration.reporting.resolve import unknown_names
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.saved_queries.saved_query_file import (
    Problem,
    SavedQueryError,
    check_names,
    read_saved_query,
    report_templates,
)
from orchestration.settings import settings


def check_saved_queries(files: Sequence[Path], folder: Path) -> tuple[int, list[Problem], list[str]]:
    """How many files (or all of `folder`) were checked, every problem of theirs, and what could not be checked."""
    if files:
        sound, problems = _read(files)
    else:
        saved_queries, problems = report_templates(folder)
        sound = {folder / f"{name}.yaml": saved_query for name, saved_query in saved_queries.items()}
    checked = len(sound) + len({problem.file for problem in problems})
    remarks = []
    try:
        with database() as connection, current_build(connection) as build:
            known = partial(unknown_names, build, base_currency=settings().base_currency)
            for path, saved_query in sound.items():
                problems += check_names(saved_query, path, known)
    except SavedQueryError:
        raise
    except DynamicsError as error:
        remarks.append(f"names in the data were not checked: {error}")
    return checked, sorted(problems), remarks


def _read(files: Sequence[Path]) -> tuple[dict[Path, SavedQuery], list[Problem]]:
    sound: dict[Path, SavedQuery] = {}
    problems: list[Problem] = []
    for path in files:
        try:
            sound[path] = read_saved_query(path)
        except SavedQueryError as error:
            problems += error.problems
    return sound, problems
