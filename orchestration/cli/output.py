"""The output of the commands: tables, JSON, files and progress.

Results go to standard output. Progress, notes and errors go to standard error.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from orchestration.errors import DynamicsError, RequestError
from orchestration.progress import Progress

Row = Mapping[str, Any]


def print_note(text: str) -> None:
    """Print a text that does not belong to the result."""
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print a value as JSON. Instants are in ISO 8601."""
    click.echo(json.dumps(value, default=_json_text, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Row], columns: Sequence[str], *, empty: str) -> None:
    """Print these columns of the rows as an aligned table. Print `empty` if there are no rows."""
    if not rows:
        click.echo(empty)
        return
    cells = [[_format_heading(column) for column in columns]]
    cells += [[_format_value(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_record(row: Row) -> None:
    """Print one row with a line for each value."""
    width = max(map(len, row))
    for name, value in row.items():
        click.echo(f"{_format_heading(name).ljust(width)}  {_format_value(value)}")


def check_writable(path: Path) -> None:
    """Raise RequestError if the file cannot be written. Commands check this before the work."""
    if path.is_dir():
        raise RequestError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise RequestError(f"there is no folder {path.parent}: create it, or name another file")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise RequestError(f"{path} is not writable: change its permissions, or name another file")


def write_file(path: Path, content: bytes) -> None:
    """Write the whole file. Raise DynamicsError if the system refuses."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DynamicsError(
            f"{path} cannot be written: {error.strerror}; the report itself is archived"
        ) from error


@contextmanager
def show_progress(task: str, *, in_bytes: bool = False) -> Iterator[Progress]:
    """Show a bar with elapsed and remaining time if standard error is a terminal.

    Yield the function that moves the bar. `in_bytes` adds the number of bytes per second.
    """
    if not sys.stderr.isatty():
        yield lambda _step, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as ProgressBar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        *([TransferSpeedColumn()] if in_bytes else []),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # With a redirect, a result that goes to a pipe would appear on the terminal.
    bar = ProgressBar(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
    )
    with bar:
        task_id = bar.add_task(task, total=None)

        def update(step: str, done: int, total: int) -> None:
            if (total or None) != bar.tasks[0].total:  # a new step has its own rate
                bar.reset(task_id, total=total or None)
            bar.update(task_id, description=step, completed=done)

        yield update


def _format_heading(name: str) -> str:
    return name.replace("_", " ")


def _json_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _format_value(value: Any) -> str:
    """Return a value on one line, without control characters."""
    if value is None:
        return "-"
    text = value.strftime("%Y-%m-%d %H:%M:%S%z") if isinstance(value, datetime) else str(value)
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
