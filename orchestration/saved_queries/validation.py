"""`dynamics check`: validates saved queries, and looks up their names in the data."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orchestration.builds.store import current_build
from orchestration.connections import database
from orchestration.errors import DynamicsError
from orchestration.reporting.name_lookup import find_unknown_names
from orchestration.saved_queries.reader import (
    Problem,
    SavedQueryError,
    check_names,
    read_saved_queries,
    read_saved_query,
)
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings


def check_saved_queries(files: Sequence[Path], folder: Path) -> tuple[int, list[Problem], list[str]]:
    """Check the files, or all files of `folder` if there are none.

    Return the number of files, all problems, and remarks about what could not be checked.
    """
    if files:
        valid, problems = _read_files(files)
    else:
        saved_queries, problems = read_saved_queries(folder)
        valid = {folder / f"{name}.yaml": saved_query for name, saved_query in saved_queries.items()}
    file_count = len(valid) + len({problem.file for problem in problems})
    remarks = []
    try:
        with database() as connection, current_build(connection) as build:
            find_names = partial(find_unknown_names, build, base_currency=settings().base_currency)
            for path, saved_query in valid.items():
                problems += check_names(saved_query, path, find_names)
    except SavedQueryError:
        raise
    except DynamicsError as error:
        remarks.append(f"names in the data were not checked: {error}")
    return file_count, sorted(problems), remarks


def _read_files(files: Sequence[Path]) -> tuple[dict[Path, SavedQuery], list[Problem]]:
    valid: dict[Path, SavedQuery] = {}
    problems: list[Problem] = []
    for path in files:
        try:
            valid[path] = read_saved_query(path)
        except SavedQueryError as error:
            problems += error.problems
    return valid, problems
