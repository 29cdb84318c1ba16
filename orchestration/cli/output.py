"""What the commands print: tables, JSON, progress. Progress and remarks go to standard error, answers to standard output."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import click

Row = Mapping[str, Any]


def remark(text: str) -> None:
    """Says something that is no part of the answer."""
    click.echo(text, err=True)


def listing(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Prints rows as an aligned table of the given columns, or whole as a JSON array."""
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], default=_as_json, indent=2, ensure_ascii=False))
    elif not rows:
        click.echo(empty)
    else:
        cells = [[column.replace("_", " ") for column in columns]]
        cells += [[_shown(row.get(column)) for column in columns] for row in rows]
        widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
        for line in cells:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def details(row: Row, *, as_json: bool) -> None:
    """Prints one row, a line a value, or as a JSON object."""
    if as_json:
        click.echo(json.dumps(dict(row), default=_as_json, indent=2, ensure_ascii=False))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' ').ljust(width)}  {_shown(value)}")


def _as_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S%z")
    text = str(value) if isinstance(value, Decimal | int) or not isinstance(value, str) else value
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


@contextmanager
def progress(total_label: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error, where that is a terminal: call the result with (what, done, total)."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(total_label, total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None)
