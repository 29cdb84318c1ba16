"""The Jinja layouts of page and mail, and the report table as HTML."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from orchestration.reporting.table import METRICS, NOT_AVAILABLE, Block, Cell, ReportTable
from orchestration.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

_THIN_SPACE, _MINUS = "\N{NARROW NO-BREAK SPACE}", "\N{MINUS SIGN}"
_WIDTHS = (8, 10, 12, 14, 16, 20, 24)
_LONG_LABEL = 10
"""Longer labels, names of packages, take several lines: tables beside each other would have headers of many heights."""
_WIDE, _STRETCH = 64, 32
"""Columns. A browser lays out 21 x 32 cells within a frame; 21 x 1,096 in one table take it a second on two cores."""


@cache
def layouts() -> Environment:
    """The layouts in `report_templates/layouts`: `*.html.j2` escapes what is put in, and an unknown name is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(PROJECT_ROOT / "report_templates" / "layouts"),
        autoescape=select_autoescape(disabled_extensions=("txt.j2",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["shown"] = shown
    environment.filters["sections"] = _sections
    return environment


def html_table(table: ReportTable) -> Markup:
    """The table as an HTML fragment, safe to put into a page: a `table.report` for each block.

    Packages are `details.package`; a wide block is `div.stretches` of tables. Cells carry the classes `na` and
    `negative`, heading rows `section`, and all tables the class of one column width, so that columns of one period
    stand below each other; the look is the page's.
    """
    from markupsafe import Markup

    blocks = [(block.package if table.by_package else None, _parts(table, block)) for block in table.blocks]
    html = layouts().get_template("report_table.html.j2").render(blocks=blocks, width=_width(table))
    return Markup(html)  # noqa: S704 - the layout escapes


def _parts(table: ReportTable, block: Block) -> list[ReportTable]:
    """The block by itself; a wide one as its rows' names, without a column, and then stretches of columns."""
    count = len(table.columns)
    if count <= _WIDE or max(map(len, table.columns)) > _LONG_LABEL:
        return [ReportTable(table.columns, (block,))]
    cuts = [(0, 0), *((first, first + _STRETCH) for first in range(0, count, _STRETCH))]
    return [
        ReportTable(table.columns[first:end], (Block(None, tuple(row[first:end] for row in block.cells)),))
        for first, end in cuts
    ]


def shown(cell: Cell) -> str:
    """A cell as people read it: thousands apart, two places for money, a minus that is not a hyphen, `N/A`."""
    if cell is None:
        return NOT_AVAILABLE
    text = f"{cell:,.2f}" if isinstance(cell, Decimal) else f"{cell:,}"
    return text.replace(",", _THIN_SPACE).replace("-", _MINUS)


def _width(table: ReportTable) -> str:
    """The narrowest of the classes `w8` to `w24` that all cells fit in: so many digits."""
    cells = (
        Decimal(cell) for block in table.blocks for row in block.cells for cell in row if cell is not None
    )
    amount = max(map(abs, cells), default=Decimal(0))
    labels = (len(label) for label in table.columns if len(label) <= _LONG_LABEL)
    longest = max(len(shown(-amount)), *labels, 0)
    return f"w{next((width for width in _WIDTHS if longest <= width), _WIDTHS[-1])}"


def _sections(block: Block) -> Iterator[tuple[str, list[tuple[str, Sequence[Cell]]]]]:
    """The block's sections, each with the names and cells of its rows."""
    rows = zip(METRICS, block.cells, strict=True)
    for section, members in groupby(rows, key=lambda row: row[0].section):
        yield section, [(metric.name, cells) for metric, cells in members]
