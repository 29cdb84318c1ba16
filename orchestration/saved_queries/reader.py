"""The reader of `report_templates/NAME.yaml`. It reports every mistake with file, line and key."""

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from orchestration.errors import RequestError
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.saved_queries.error_messages import explain, find_key
from orchestration.saved_queries.saved_query import NAME_PATTERN, SavedQuery, SavedQueryFile
from orchestration.saved_queries.yaml_with_lines import YamlLineError, load_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orchestration.reporting.name_lookup import UnknownName

MAX_BYTES = 100_000
"""The largest file. The YAML parser needs very long for a large file of brackets and commas."""


class Problem(NamedTuple):
    """One mistake in the file of a saved query. `str` gives it in the form of compiler messages."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return " ".join(
            f"{self.file}:{self.line}: {f'{self.key}: ' if self.key else ''}{self.message}".split()
        )


class SavedQueryError(RequestError):
    """A saved query that cannot be used.

    `problems` has all its mistakes. The message shows the first one.
    """

    def __init__(self, problems: list[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = problems


def read_saved_query(path: Path) -> SavedQuery:
    """Read the saved query in a file. The file name without `.yaml` is its name.

    Raise SavedQueryError with every problem, in the order of the lines.
    """
    data, lines = _load_mapping(path)
    file = _display_path(path)
    try:
        contents = SavedQueryFile.model_validate(data, by_name=False, by_alias=True)
    except ValidationError as error:
        keys = [(detail, find_key(detail, lines)) for detail in error.errors()]
        problems = [Problem(file, _find_line(lines, key), key, explain(detail, key)) for detail, key in keys]
        raise SavedQueryError(sorted(problems, key=lambda problem: problem.line)) from None
    problems = [
        Problem(file, _find_line(lines, key), key, message) for key, message in _find_contradictions(contents)
    ]
    if problems:
        raise SavedQueryError(problems)
    return SavedQuery(name=path.stem, **dict(contents))


def read_saved_queries(folder: Path) -> tuple[dict[str, SavedQuery], list[Problem]]:
    """Read all saved queries of a folder.

    Return the valid ones by name, in name order, and the problems of all others. Raise RequestError
    if the folder does not exist.
    """
    saved_queries: dict[str, SavedQuery] = {}
    problems: list[Problem] = []
    file_of_identifier: dict[str, str] = {}
    for path in _list_files(folder):
        try:
            saved_query = read_saved_query(path)
        except SavedQueryError as error:
            problems += error.problems
            continue
        # Dagster and dbt do not allow hyphens, so `a-b` and `a_b` would have the same identifier.
        first = file_of_identifier.setdefault(saved_query.identifier, path.name)
        if first == path.name:
            saved_queries[saved_query.name] = saved_query
        else:
            problems.append(
                Problem(_display_path(path), 1, "", f"its name is too similar to {first}: rename one of them")
            )
    return saved_queries, problems


def load_saved_query(folder: Path, name: str) -> SavedQuery:
    """Read one saved query by its name.

    Raise RequestError if the folder has no such saved query, and SavedQueryError if it has
    mistakes.
    """
    paths = {path.stem: path for path in _list_files(folder)}
    if name not in paths:
        near = get_close_matches(name, paths, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(paths) or 'none'}"
        raise RequestError(f"unknown saved query {name!r}: {hint}")
    return read_saved_query(paths[name])


def check_names(
    saved_query: SavedQuery,
    path: Path,
    find_unknown_names: "Callable[[ReportQuery], Iterable[UnknownName]]",
) -> list[Problem]:
    """Return the tags, owners, packages and currency of a saved query that the data does not have.

    `find_unknown_names` is the function of `reporting.name_lookup`, bound to a build. Raise
    SavedQueryError if the file became invalid meanwhile.
    """
    unknown_names = [
        (f"query.{unknown.parameter}", unknown) for unknown in find_unknown_names(saved_query.query)
    ]
    for owner in saved_query.delivery.owners if saved_query.delivery else ():
        # One query for each owner, because an UnknownName does not say which owner it is about.
        query = ReportQuery(interval="today", owners=(owner,))
        unknown_names += [(f"delivery.owners.{owner}", unknown) for unknown in find_unknown_names(query)]
    lines = _load_mapping(path)[1] if unknown_names else {}
    file = _display_path(path)
    return [Problem(file, _find_line(lines, key), key, str(unknown)) for key, unknown in unknown_names]


def _find_contradictions(contents: SavedQueryFile) -> "Iterator[tuple[str, str]]":
    """Yield the mistakes that involve several keys, each with the key to correct."""
    try:
        resolve_interval(contents.query, datetime.now(UTC))
    except RequestError as error:
        yield "query.interval", str(error)
    send_if = contents.delivery.send_if if contents.delivery else ()
    for index, threshold in enumerate(send_if if isinstance(send_if, tuple) else ()):
        if threshold.compares_periods and contents.query.time_group is None:
            message = (
                "a fall or rise needs periods: group the query by year, month or date, or use `is below`"
            )
            yield f"delivery.send_if[{index}]", message


def _list_files(folder: Path) -> list[Path]:
    """Return the YAML files of the folder. `.yml` files are included to report their wrong name."""
    if not folder.is_dir():
        raise RequestError(
            f"the folder {folder} does not exist: create it, or set DYNAMICS_TEMPLATES to another folder"
        )
    return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})


def _load_mapping(path: Path) -> tuple[dict[str, object], dict[str, int]]:
    """Return the mapping in a file and the lines of its keys. Raise SavedQueryError."""
    if path.suffix != ".yaml" or not re.match(NAME_PATTERN, path.stem):
        raise _file_error(
            path, 1, "name the file NAME.yaml, NAME of a-z, 0-9, _ and -, at most 63 characters"
        )
    try:
        if not path.is_file():
            raise _file_error(path, 1, "the file does not exist")
        if path.stat().st_size > MAX_BYTES:
            raise _file_error(path, 1, "the file is larger than 100 kB: a saved query is a page of text")
        data, lines = load_yaml(path.read_bytes())
    except YamlLineError as error:
        raise _file_error(path, error.line, str(error)) from None
    except OSError as error:
        raise _file_error(path, 1, f"the file cannot be read: {error.strerror}") from None
    if not isinstance(data, dict):
        raise _file_error(path, lines[""], "the file must hold keys and values, such as title and query")
    return data, lines


def _file_error(path: Path, line: int, message: str) -> SavedQueryError:
    return SavedQueryError([Problem(_display_path(path), line, "", message)])


def _find_line(lines: dict[str, int], key: str) -> int:
    """Return the line of a key, or of the innermost parent key that the file has."""
    while key not in lines:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return lines[key]


def _display_path(path: Path) -> str:
    """Return the path relative to the working folder, if it is inside."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
