"""The cells of a sheet, their roles, and the look of each role, for both kinds of workbook."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from textwrap import wrap
from typing import NamedTuple, TypeVar

from orchestration.progress import Progress
from orchestration.reporting.table import NOT_AVAILABLE, Cell, ReportTable, Unit

ListingValue = str | int | Decimal | datetime | None
"""A value of a listing: text, a quantity, money, an instant with its time zone, or no value."""


class Role(StrEnum):
    """The role of a cell. It decides how the cell looks."""

    HEADER = "header"
    COLUMN = "column header"
    GROUP = "group"
    """The first cell of a package or a section."""
    REPEATED = "group again"
    """The package or section in the rows below, for filters and pivot tables. Its text is pale."""
    METRIC = "metric"
    QUANTITY = "quantity"
    MONEY = "money"
    NOT_AVAILABLE = "not available"
    TEXT = "text"
    INSTANT = "instant"


HEADERS = frozenset({Role.HEADER, Role.COLUMN})
BOLD = HEADERS | {Role.GROUP}
RIGHT_ALIGNED = frozenset({Role.COLUMN, Role.QUANTITY, Role.MONEY, Role.NOT_AVAILABLE})
NUMBER_FORMATS = {
    Role.QUANTITY: "#,##0",
    Role.MONEY: "#,##0.00;[Red]-#,##0.00",
    Role.INSTANT: "yyyy-mm-dd hh:mm:ss",
}
LISTING_WIDTH = 20
"""The width in characters of each column of a listing. It is written before the values."""
COLOURS = INK, PALE_INK, HEADER_INK, HEADER_FILL, TINT = "1F2933", "9AA5B1", "FFFFFF", "243B53", "F0F4F8"
LINE_HEIGHT = 15
"""Points."""
TEXT_WIDTHS = (28, 24, 16)
"""The widths in characters of the columns Package, Section and Metric."""
INFO_WIDTHS = (18, 90)
"""The widths in characters of the two columns of the info panel."""

_MAX_LABEL_WIDTH, _PADDING, _MAX_HEADER_LINES = 16, 3, 5
_MAX_TEXT_LENGTH = 32_767
"""The number of characters that a cell can hold."""
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""The characters that XML 1.0 cannot contain, not even escaped."""


Item = TypeVar("Item")

_ROLES = {
    str: Role.TEXT,
    int: Role.QUANTITY,
    Decimal: Role.MONEY,
    datetime: Role.INSTANT,
    type(None): Role.TEXT,
}
_ROWS_PER_PROGRESS_REPORT = 500


class SheetCell(NamedTuple):
    """A cell of a sheet. `tinted` is True in every second section."""

    value: str | int | Decimal | datetime
    role: Role
    tinted: bool = False


def choose_text_color(role: Role) -> str:
    """Return the colour of the text of a role."""
    if role in HEADERS:
        return HEADER_INK
    return PALE_INK if role in (Role.REPEATED, Role.NOT_AVAILABLE) else INK


def choose_fill_color(role: Role, *, tinted: bool) -> str | None:
    """Return the background colour of a role, or None."""
    if role in HEADERS:
        return HEADER_FILL
    return TINT if tinted else None


def build_sheet_rows(table: ReportTable) -> Iterator[list[SheetCell]]:
    """Yield the rows of the table, header first. They are the rows of its CSV."""
    yield [
        SheetCell(escape_sheet_text(label), Role.HEADER if x < count_text_columns(table) else Role.COLUMN)
        for x, label in enumerate(table.header())
    ]
    above: list[str] = []
    tinted = True
    for y, (texts, metric, cells) in enumerate(table.rows()):
        groups = texts[:-1]
        if y % len(table.metrics) == 0:
            above = []
        tinted ^= groups != above
        yield [
            *(
                SheetCell(
                    escape_sheet_text(text),
                    Role.REPEATED if groups[: x + 1] == above[: x + 1] else Role.GROUP,
                    tinted,
                )
                for x, text in enumerate(groups)
            ),
            SheetCell(metric.name, Role.METRIC, tinted),
            *(_sheet_cell(cell, metric.unit, tinted=tinted) for cell in cells),
        ]
        above = groups


def _sheet_cell(cell: Cell, unit: Unit, *, tinted: bool) -> SheetCell:
    if cell is None:
        return SheetCell(NOT_AVAILABLE, Role.NOT_AVAILABLE, tinted)
    return SheetCell(cell, Role.MONEY if unit is Unit.MONEY else Role.QUANTITY, tinted)


def build_listing_rows(
    columns: Sequence[str], rows: Iterable[Sequence[ListingValue]]
) -> Iterator[list[SheetCell]]:
    """Yield the rows of a listing, header first."""
    yield [SheetCell(escape_sheet_text(label), Role.HEADER) for label in columns]
    for row in rows:
        yield [SheetCell("" if value is None else value, _ROLES[type(value)]) for value in row]


def report_progress(
    items: Iterable[Item], step: str, total: int, progress: Progress | None
) -> Iterator[Item]:
    """Yield the items, and report from time to time how many of `total` are done."""
    for number, item in enumerate(items):
        if progress and number % _ROWS_PER_PROGRESS_REPORT == 0:
            progress(step, number, total)
        yield item


def count_text_columns(table: ReportTable) -> int:
    """Return the number of columns to the left of the numbers."""
    return len(table.header()) - len(table.columns)


def escape_sheet_text(text: str) -> str:
    """Return text that a cell can hold: LF as line end, no character that would break the file."""
    if text.isprintable() and len(text) <= _MAX_TEXT_LENGTH:
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", lines)[:_MAX_TEXT_LENGTH]


def choose_column_width(table: ReportTable) -> int:
    """Return the width in characters for all columns of numbers.

    The widest number fits, and labels up to a limit.
    """
    rows = [row for block in table.blocks for row in block.cells]
    bounds = [
        bound(cells)
        for row in rows
        for bound in (min, max)
        if (cells := [cell for cell in row if cell is not None])
    ]
    label = min(max(map(len, table.columns), default=0), _MAX_LABEL_WIDTH)
    return _PADDING + max([label, *(len(f"{bound:,.2f}") for bound in bounds)])


def count_header_lines(table: ReportTable) -> int:
    """Return the number of lines of the header when long labels wrap."""
    width = choose_column_width(table)
    longest = max((len(wrap(label, width)) for label in table.columns if len(label) > width), default=1)
    return min(longest, _MAX_HEADER_LINES)
