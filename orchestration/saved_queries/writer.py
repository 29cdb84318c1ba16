"""The writer of `report_templates/NAME.yaml`.

The keys have the documented order. The reader checks a file before it is saved.
"""

import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import DynamicsError, RequestError
from orchestration.saved_queries.reader import read_saved_query
from orchestration.saved_queries.saved_query import NAME_PATTERN, SavedQuery
from orchestration.saved_queries.schema import SCHEMA_FILE
from orchestration.saved_queries.yaml_with_lines import load_yaml

_SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE.name}\n"
"""Editors find the schema of the file by this line."""


class NameTaken(RequestError):
    """A saved query of this name exists, and the caller did not ask to replace it."""


_PLAIN = re.compile(r"[\w .,;/@()'+-]+")
"""Text that needs no quotes. The dumper still quotes text that YAML would convert."""


class _Dumper(yaml.SafeDumper):
    """Writes lists and intervals on one line, double quotes only if necessary."""

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        del flow_style
        return super().represent_sequence(tag, sequence, flow_style=True)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        del flow_style
        return super().represent_mapping(tag, mapping, flow_style="from" in mapping)


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if _PLAIN.fullmatch(text) else '"'
    )


def _represent_time(dumper: _Dumper, time: datetime) -> yaml.ScalarNode:
    # Inside braces YAML requires quotes around a time.
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(time), style='"')


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(StrEnum, _represent_text)
_Dumper.add_representer(datetime, _represent_time)


def format_yaml(folder: Path, contents: Mapping[str, Any]) -> str:
    """Return the text of a file in `folder` with these contents, in the order of the keys."""
    schema_line = _SCHEMA_LINE if (folder / SCHEMA_FILE.name).exists() else ""
    return schema_line + yaml.dump(
        contents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf
    )


def read_text(folder: Path, name: str) -> str | None:
    """Return the text of the saved query `name`, or None if it does not exist.

    Raise RequestError for an invalid name.
    """
    require_name(name)
    path = folder / f"{name}.yaml"
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace") if path.exists() else None
    except OSError as error:
        raise DynamicsError(f"{path.name} cannot be read: {error.strerror}") from error


def parse_keys(text: str) -> dict[str, Any]:
    """Return the keys and values of a YAML text, or an empty dict if it cannot be read."""
    try:
        data, _ = load_yaml(text.encode())
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def write_saved_query(
    folder: Path, name: str, contents: Mapping[str, Any], *, replacing: str | None = None
) -> SavedQuery:
    """Write a saved query atomically, and return it as the reader reads it.

    To replace a file, pass its text from `read_text` as `replacing`. Raise RequestError for an
    invalid name, SavedQueryError for invalid contents, and NameTaken if the name is in use or the
    file has changed since `read_text`. Raise DynamicsError if the folder is not writable.
    """
    require_name(name)
    path = folder / f"{name}.yaml"
    with (
        _translate_os_errors(folder),
        tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as temporary,
    ):
        # The reader takes the name of the saved query from the name of the file.
        draft = Path(temporary) / path.name
        draft.write_text(format_yaml(folder, contents), encoding="utf-8")
        saved_query = read_saved_query(draft)
        if replacing is None:
            _require_unique_identifier(folder, saved_query)
            try:
                os.link(draft, path)
            except FileExistsError:
                raise NameTaken(f"the saved query {name!r} already exists") from None
        elif read_text(folder, name) == replacing:
            draft.replace(path)
        else:
            raise NameTaken(f"the saved query {name!r} was changed meanwhile")
    return saved_query


def require_name(name: str) -> None:
    """Raise RequestError if `name` is not a valid name of a saved query."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise RequestError(
            f"{name!r} is not a valid name: use a-z, 0-9, _ and -, start with a letter or digit, at most 63 characters"
        )


def _require_unique_identifier(folder: Path, saved_query: SavedQuery) -> None:
    """Raise RequestError if another file has the same identifier, such as `a-b` and `a_b`."""
    for path in folder.glob("*.yaml"):
        if path.stem != saved_query.name and path.stem.replace("-", "_") == saved_query.identifier:
            raise RequestError(
                f"{saved_query.name!r} is too similar to the saved query {path.stem!r}: choose another name"
            )


@contextmanager
def _translate_os_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DynamicsError(f"cannot write to {folder} ({error.strerror}): nothing was saved") from error
