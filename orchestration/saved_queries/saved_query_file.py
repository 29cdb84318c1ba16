"""Reading `report_templates/NAME.yaml`: each mistake with its file, line and key, and none stops the other files."""

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from orchestration.errors import RequestError
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.explain import explain, key_of
from orchestration.saved_queries.saved_query import NAME_PATTERN, SavedQuery, SavedQueryFile
from orchestration.saved_queries.yaml_lines import YamlLineError, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orchestration.reporting.resolve import UnknownName

MAX_BYTES = 100_000
"""A saved query is about one kB; 500 recipients make 20. A MB of commas keeps the YAML parser busy for 24 s."""


class Problem(NamedTuple):
    """One thing that is wrong in a saved query's file; `str` is its line in a report, as compilers write it."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return " ".join(
            f"{self.file}:{self.line}: {f'{self.key}: ' if self.key else ''}{self.message}".split()
        )


class SavedQueryError(RequestError):
    """A saved query cannot be used; `problems` says all that is wrong with it, the message the first."""

    def __init__(self, problems: list[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = problems


def read_saved_query(path: Path) -> SavedQuery:
    """The saved query in a file, named by it. Raises SavedQueryError with every problem, in the order of their lines."""
    data, lines = _load(path)
    file = _shown(path)
    try:
        contents = SavedQueryFile.model_validate(data, by_name=False, by_alias=True)
    except ValidationError as error:
        keys = [(detail, key_of(detail, lines)) for detail in error.errors()]
        problems = [Problem(file, _line(lines, key), key, explain(detail, key)) for detail, key in keys]
        raise SavedQueryError(sorted(problems, key=lambda problem: problem.line)) from None
    problems = [Problem(file, _line(lines, key), key, message) for key, message in _contradictions(contents)]
    if problems:
        raise SavedQueryError(problems)
    return SavedQuery(name=path.stem, **dict(contents))


def report_templates(folder: Path) -> tuple[dict[str, SavedQuery], list[Problem]]:
    """The saved queries of a folder by name, in name order, and what is wrong with those that are left out.

    Raises RequestError when there is no such folder.
    """
    saved_queries: dict[str, SavedQuery] = {}
    problems: list[Problem] = []
    taken: dict[str, str] = {}
    for path in _files(folder):
        try:
            saved_query = read_saved_query(path)
        except SavedQueryError as error:
            problems += error.problems
            continue
        # Dagster and dbt know no hyphen, so `a-b` and `a_b` would be one there.
        first = taken.setdefault(saved_query.identifier, path.name)
        if first == path.name:
            saved_queries[saved_query.name] = saved_query
        else:
            problems.append(
                Problem(_shown(path), 1, "", f"its name is too close to {first}: rename one of them")
            )
    return saved_queries, problems


def load_saved_query(folder: Path, name: str) -> SavedQuery:
    """One saved query by its name. Raises RequestError for a name that the folder has not, SavedQueryError."""
    paths = {path.stem: path for path in _files(folder)}
    if name not in paths:
        near = get_close_matches(name, paths, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(paths) or 'none'}"
        raise RequestError(f"unknown saved query {name!r}: {hint}")
    return read_saved_query(paths[name])


def check_names(
    saved_query: SavedQuery, path: Path, unknown_names: "Callable[[ReportQuery], Iterable[UnknownName]]"
) -> list[Problem]:
    """The tags, owners, packages and currency of a saved query that the data does not know, where they stand in its file.

    `unknown_names` is `reporting.resolve.unknown_names` with its connection. Raises SavedQueryError when the file
    has become unreadable since.
    """
    found = [(f"query.{unknown.parameter}", unknown) for unknown in unknown_names(saved_query.query)]
    for owner in saved_query.delivery.owners if saved_query.delivery else ():
        # Asked one by one: the answer names no owner that it is about.
        asked = ReportQuery(interval="today", owners=(owner,))
        found += [(f"delivery.owners.{owner}", unknown) for unknown in unknown_names(asked)]
    lines = _load(path)[1] if found else {}
    return [Problem(_shown(path), _line(lines, key), key, str(unknown)) for key, unknown in found]


def _contradictions(contents: SavedQueryFile) -> "Iterator[tuple[str, str]]":
    """What no value has wrong by itself, with the key where it is best put right."""
    try:
        resolve_interval(contents.query, datetime.now(UTC))
    except RequestError as error:
        yield "query.interval", str(error)
    send_if = contents.delivery.send_if if contents.delivery else ()
    for index, threshold in enumerate(send_if if isinstance(send_if, tuple) else ()):
        if threshold.compares_periods and contents.query.time_group is None:
            message = (
                "to fall or rise takes periods: group the query by year, month or date, or use `is below`"
            )
            yield f"delivery.send_if[{index}]", message


def _files(folder: Path) -> list[Path]:
    """The files that mean to be saved queries, `.yml` too: `_load` says how to name them."""
    if not folder.is_dir():
        raise RequestError(
            f"there is no folder {folder}: make it, or set DYNAMICS_TEMPLATES to the one that is there"
        )
    return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})


def _load(path: Path) -> tuple[dict[str, object], dict[str, int]]:
    """The mapping in a file and the lines of its keys; what keeps it from being one is a SavedQueryError."""
    if path.suffix != ".yaml" or not re.match(NAME_PATTERN, path.stem):
        raise _refused(path, 1, "name the file NAME.yaml, NAME of a-z, 0-9, _ and -, at most 63 characters")
    try:
        if not path.is_file():
            raise _refused(path, 1, "there is no such file")
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path, 1, "the file is larger than 100 kB: a saved query is a page of text")
        data, lines = load(path.read_bytes())
    except YamlLineError as error:
        raise _refused(path, error.line, str(error)) from None
    except OSError as error:
        raise _refused(path, 1, f"the file cannot be read: {error.strerror}") from None
    if not isinstance(data, dict):
        raise _refused(
            path, lines[""], "the file must hold keys and values: title, query and what else it needs"
        )
    return data, lines


def _refused(path: Path, line: int, message: str) -> SavedQueryError:
    return SavedQueryError([Problem(_shown(path), line, "", message)])


def _line(lines: dict[str, int], key: str) -> int:
    """The line of a key, or of the nearest around it that the file has."""
    while key not in lines:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return lines[key]


def _shown(path: Path) -> str:
    """The path as a user in this folder would type it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
