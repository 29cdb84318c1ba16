"""Writing `report_templates/NAME.yaml`: in the documented order of keys, and only what the reader has read back."""

import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import DynamicsError, RequestError
from orchestration.saved_queries.saved_query import NAME_PATTERN, SavedQuery
from orchestration.saved_queries.saved_query_file import read_saved_query
from orchestration.saved_queries.schema import SCHEMA_FILE
from orchestration.saved_queries.yaml_lines import load

_SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE.name}\n"
"""By which editors know what the file may hold."""


class NameTaken(RequestError):
    """There is such a saved query already, and nobody said that it is to be replaced."""


_PLAIN = re.compile(r"[\w .,;/@()'+-]+")
"""Text that people write without quotes; what YAML would take for something else is quoted all the same."""


class _Dumper(yaml.SafeDumper):
    """Lists and intervals on one line, text in double quotes where it needs them: as people write it."""

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        del flow_style
        return super().represent_sequence(tag, sequence, flow_style=True)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        del flow_style
        return super().represent_mapping(tag, mapping, flow_style="from" in mapping)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if _PLAIN.fullmatch(text) else '"'
    )


def _time(dumper: _Dumper, time: datetime) -> yaml.ScalarNode:
    # Between braces YAML knows no time without quotes.
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(time), style='"')


_Dumper.add_representer(str, _text)
_Dumper.add_representer(datetime, _time)


def yaml_text(folder: Path, contents: Mapping[str, Any]) -> str:
    """What a file in that folder with these contents holds: keys in their order; dates, numbers and text as they are."""
    schema_line = _SCHEMA_LINE if (folder / SCHEMA_FILE.name).exists() else ""
    return schema_line + yaml.dump(
        contents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf
    )


def text_of(folder: Path, name: str) -> str | None:
    """What the file of that name holds; None when there is none. Raises RequestError for what is no name."""
    require_name(name)
    path = folder / f"{name}.yaml"
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace") if path.exists() else None
    except OSError as error:
        raise DynamicsError(f"{path.name} cannot be read: {error.strerror}") from error


def keys_of(text: str) -> dict[str, Any]:
    """The keys of a saved query's file as they were written; nothing of one that cannot be read."""
    try:
        data, _ = load(text.encode())
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def write_saved_query(
    folder: Path, name: str, contents: Mapping[str, Any], *, replacing: str | None = None
) -> SavedQuery:
    """Writes a saved query, whole or not at all, and gives it as it was read back.

    `replacing` is the text that is to be replaced, as `text_of` gave it. Raises RequestError for what is no name,
    SavedQueryError for contents that the reader refuses, NameTaken for a name that is in use, or holds another text by
    now, and DynamicsError when the folder cannot be written.
    """
    require_name(name)
    path = folder / f"{name}.yaml"
    with _in_words(folder), tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as aside:
        # Under its own name, by which the reader knows it, in a folder that nobody reads saved queries from.
        made = Path(aside) / path.name
        made.write_text(yaml_text(folder, contents), encoding="utf-8")
        saved_query = read_saved_query(made)
        if replacing is None:
            _require_unlike_others(folder, saved_query)
            try:
                os.link(made, path)
            except FileExistsError:
                raise NameTaken(f"there is a saved query {name!r} already") from None
        elif text_of(folder, name) == replacing:
            made.replace(path)
        else:
            raise NameTaken(f"the saved query {name!r} was changed meanwhile")
    return saved_query


def require_name(name: str) -> None:
    """Raises RequestError for what is no name of a saved query."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise RequestError(
            f"{name!r} is no name: a-z, 0-9, _ and -, beginning with a letter or digit, at most 63"
        )


def _require_unlike_others(folder: Path, saved_query: SavedQuery) -> None:
    """Dagster and dbt know no hyphen: of `a-b` and `a_b` the reader leaves one out."""
    for path in folder.glob("*.yaml"):
        if path.stem != saved_query.name and path.stem.replace("-", "_") == saved_query.identifier:
            raise RequestError(
                f"{saved_query.name!r} is too close to {path.stem!r}, which is there: choose another name"
            )


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DynamicsError(f"{folder} cannot be written ({error.strerror}): nothing was saved") from error
