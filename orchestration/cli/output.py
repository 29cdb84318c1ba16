"""What the commands print and write: tables, JSON, files, progress.

Answers go to standard output; progress, remarks and errors to standard error.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from orchestration.errors import DynamicsError, RequestError

Row = Mapping[str, Any]


def remark(text: str) -> None:
    """Says something that is no part of the answer."""
    click.echo(text, err=True)


def as_json(value: Any) -> None:
    """Prints a value as JSON, moments in ISO 8601."""
    click.echo(json.dumps(value, default=_json_text, indent=2, ensure_ascii=False))


def listing(rows: Sequence[Row], columns: Sequence[str], *, empty: str) -> None:
    """Prints the given columns of the rows as an aligned table, or what `empty` says."""
    if not rows:
        click.echo(empty)
        return
    cells = [[_words(column) for column in columns]]
    cells += [[_shown(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def details(row: Row) -> None:
    """Prints one row, a line a value."""
    width = max(map(len, row))
    for name, value in row.items():
        click.echo(f"{_words(name).ljust(width)}  {_shown(value)}")


def require_writable(path: Path) -> None:
    """Raises RequestError when no file can be written there: asked before the work, not after it."""
    if path.is_dir():
        raise RequestError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise RequestError(f"there is no folder {path.parent}: make it, or name another file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise RequestError(f"{path} may not be written: change its permissions, or name another file")


def write(path: Path, content: bytes) -> None:
    """Writes the whole file. Raises DynamicsError when the disk refuses."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DynamicsError(
            f"{path} cannot be written: {error.strerror}; the report itself is kept"
        ) from error


@contextmanager
def progress(doing: str, *, in_bytes: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error, where that is a terminal, with time spent and left.

    Call the result with (what, done, total; 0: not known). `in_bytes` adds the rate at which bytes are done.
    """
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        *([TransferSpeedColumn()] if in_bytes else []),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Redirected, an answer that goes to a pipe would come out on the terminal.
    bar = Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
    )
    with bar:
        task = bar.add_task(doing, total=None)

        def tell(what: str, done: int, total: int) -> None:
            if (total or None) != bar.tasks[0].total:  # the next part: its rate is its own
                bar.reset(task, total=total or None)
            bar.update(task, description=what, completed=done)

        yield tell


def _words(name: str) -> str:
    return name.replace("_", " ")


def _json_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _shown(value: Any) -> str:
    """A value on one line that cannot steer a terminal."""
    if value is None:
        return "-"
    text = value.strftime("%Y-%m-%d %H:%M:%S%z") if isinstance(value, datetime) else str(value)
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
