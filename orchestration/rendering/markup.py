"""The Jinja layouts of page and mail, and the report table as HTML."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from orchestration.reporting.table import METRICS, NOT_AVAILABLE, Block, Cell, ReportTable
from orchestration.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment
    from markupsafe import Markup

_THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"


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
    """The table as an HTML fragment (`table.report`), safe to put into a page.

    Cells carry the classes `na` and `negative`, heading rows `package` and `section`; the look is the page's.
    """
    from markupsafe import Markup

    return Markup(layouts().get_template("table.html.j2").render(table=table))  # noqa: S704 - the layout escapes


def shown(cell: Cell) -> str:
    """A cell as people read it: thousands apart, two places for money, `N/A`."""
    if cell is None:
        return NOT_AVAILABLE
    text = f"{cell:,.2f}" if isinstance(cell, Decimal) else f"{cell:,}"
    return text.replace(",", _THIN_SPACE)


def _sections(block: Block) -> Iterator[tuple[str, list[tuple[str, tuple[Cell, ...]]]]]:
    """The block's sections, each with the names and cells of its rows."""
    rows = zip(METRICS, block.cells, strict=True)
    for section, members in groupby(rows, key=lambda row: row[0].section):
        yield section, [(metric.name, cells) for metric, cells in members]
