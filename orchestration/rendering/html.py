"""The Jinja layouts of pages and mails, and the report table as HTML."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from orchestration.rendering.text import to_sentence
from orchestration.reporting.table import NOT_AVAILABLE, Block, Cell, ReportTable
from orchestration.resources import resource_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

_THIN_SPACE, _MINUS = "\N{NARROW NO-BREAK SPACE}", "\N{MINUS SIGN}"
_COLUMN_WIDTHS = (8, 10, 12, 14, 16, 20, 24)
"""The widths in characters for which the style sheet has a class."""
_MAX_NARROW_LABEL = 10
"""Longer labels wrap. A table with such labels is not split, so that all headers align."""
_MAX_COLUMNS, _STRETCH_COLUMNS = 64, 32
"""A wider table is split into stretches, because browsers lay out one very wide table slowly."""


@cache
def load_layouts() -> Environment:
    """Return the layouts in `report_templates/layouts`.

    A `*.html.j2` layout escapes its values. An unknown name is an error.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(resource_folder("report_templates") / "layouts"),
        autoescape=select_autoescape(disabled_extensions=("txt.j2",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = format_number
    environment.filters["sentence"] = to_sentence
    environment.filters["sections"] = _group_sections
    return environment


def html_table(table: ReportTable) -> Markup:
    """Return the table as an HTML fragment that is safe in a page: a `table.report` for each block.

    A package is a `details.package`. A wide block is a `div.stretches` of tables. Cells have the
    classes `na` and `negative`, heading rows the class `section`. All tables have the class of
    one column width, so that the columns of a period align. The style sheet of the page does the
    rest.
    """
    from markupsafe import Markup

    blocks = [(block.package if table.by_package else None, _split(table, block)) for block in table.blocks]
    html = (
        load_layouts().get_template("report_table.html.j2").render(blocks=blocks, width=_width_class(table))
    )
    return Markup(html)  # noqa: S704 - the layout escapes


def _split(table: ReportTable, block: Block) -> list[ReportTable]:
    """Return the block as one table, or a wide block as stretches of columns.

    The stretches begin with a table without columns, which shows the names of the rows.
    """
    count = len(table.columns)
    if count <= _MAX_COLUMNS or max(map(len, table.columns)) > _MAX_NARROW_LABEL:
        return [ReportTable(table.columns, (block,))]
    cuts = [(0, 0), *((first, first + _STRETCH_COLUMNS) for first in range(0, count, _STRETCH_COLUMNS))]
    return [
        ReportTable(
            table.columns[first:end],
            (replace(block, package=None, cells=tuple(row[first:end] for row in block.cells)),),
        )
        for first, end in cuts
    ]


def format_number(cell: Cell) -> str:
    """Return a cell for people: grouped thousands, two places for money, a minus sign, or `N/A`."""
    if cell is None:
        return NOT_AVAILABLE
    text = f"{cell:,.2f}" if isinstance(cell, Decimal) else f"{cell:,}"
    return text.replace(",", _THIN_SPACE).replace("-", _MINUS)


def _width_class(table: ReportTable) -> str:
    """Return the narrowest of the classes `w8` to `w24` in which all cells fit."""
    cells = (
        Decimal(cell) for block in table.blocks for row in block.cells for cell in row if cell is not None
    )
    amount = max(map(abs, cells), default=Decimal(0))
    labels = (len(label) for label in table.columns if len(label) <= _MAX_NARROW_LABEL)
    longest = max(len(format_number(-amount)), *labels, 0)
    return f"w{next((width for width in _COLUMN_WIDTHS if longest <= width), _COLUMN_WIDTHS[-1])}"


def _group_sections(block: Block) -> Iterator[tuple[str, list[tuple[str, Sequence[Cell]]]]]:
    """Yield each section of the block with the names and cells of its rows."""
    rows = zip(block.metrics, block.cells, strict=True)
    for section, members in groupby(rows, key=lambda row: row[0].section):
        yield section, [(metric.name, cells) for metric, cells in members]
