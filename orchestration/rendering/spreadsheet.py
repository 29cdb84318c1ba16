"""What both kinds of workbook have in common: the sheet's cells, their roles, and how a role looks."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from textwrap import wrap
from typing import NamedTuple, TypeVar

from orchestration.reporting.report import Progress
from orchestration.reporting.table import METRICS, NOT_AVAILABLE, Cell, ReportTable, Unit

Value = str | int | Decimal | datetime | None
"""A value of a listing: text, a quantity, money, an instant (aware, on the wall clock that is to be read), or nothing."""


class Role(StrEnum):
    """What a cell is, which decides how it looks."""

    HEADER = "header"
    COLUMN = "column header"
    GROUP = "group"
    """A package or a section where it begins."""
    REPEATED = "group again"
    """The same in the rows below: filters and pivots need it, the eye does not."""
    METRIC = "metric"
    QUANTITY = "quantity"
    MONEY = "money"
    NOT_AVAILABLE = "not available"
    TEXT = "text"
    INSTANT = "instant"


HEADERS = frozenset({Role.HEADER, Role.COLUMN})
BOLD = HEADERS | {Role.GROUP}
RIGHT = frozenset({Role.COLUMN, Role.QUANTITY, Role.MONEY, Role.NOT_AVAILABLE})
NUMBER_FORMATS = {
    Role.QUANTITY: "#,##0",
    Role.MONEY: "#,##0.00;[Red]-#,##0.00",
    Role.INSTANT: "yyyy-mm-dd hh:mm:ss",
}
LISTING_WIDTH = 20
"""Characters of every column of a listing: its values are not known before it is written."""
COLOURS = INK, PALE_INK, HEADER_INK, HEADER_FILL, TINT = "1F2933", "9AA5B1", "FFFFFF", "243B53", "F0F4F8"
LINE_HEIGHT = 15
"""Points."""
TEXT_WIDTHS = (28, 24, 16)
"""Characters of the columns Package, Section and Metric."""
INFO_WIDTHS = (18, 90)

_LABEL_WIDTH, _PADDING, _HEADER_LINES = 16, 3, 5
_LONGEST_TEXT = 32_767
"""Characters that a cell can hold."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot carry, not even escaped."""


Row = TypeVar("Row")

_ROLES = {
    str: Role.TEXT,
    int: Role.QUANTITY,
    Decimal: Role.MONEY,
    datetime: Role.INSTANT,
    type(None): Role.TEXT,
}
_PROGRESS_EVERY = 500


class SheetCell(NamedTuple):
    """A cell of a sheet. `tinted` is true in every other section."""

    value: str | int | Decimal | datetime
    role: Role
    tinted: bool = False


def ink(role: Role) -> str:
    """The colour of a role's text."""
    if role in HEADERS:
        return HEADER_INK
    return PALE_INK if role in (Role.REPEATED, Role.NOT_AVAILABLE) else INK


def fill(role: Role, *, tinted: bool) -> str | None:
    """The colour behind a role's text, if it has one."""
    if role in HEADERS:
        return HEADER_FILL
    return TINT if tinted else None


def sheet_rows(table: ReportTable) -> Iterator[list[SheetCell]]:
    """The cells of the table, header first: the rows and columns of its CSV."""
    yield [
        SheetCell(sheet_text(label), Role.HEADER if x < text_columns(table) else Role.COLUMN)
        for x, label in enumerate(table.header())
    ]
    above: list[str] = []
    tinted = True
    for y, (texts, metric, cells) in enumerate(table.rows()):
        groups = texts[:-1]
        if y % len(METRICS) == 0:
            above = []
        tinted ^= groups != above
        yield [
            *(
                SheetCell(
                    sheet_text(text),
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


def listing_rows(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> Iterator[list[SheetCell]]:
    """The cells of a listing, header first."""
    yield [SheetCell(sheet_text(label), Role.HEADER) for label in columns]
    for row in rows:
        yield [SheetCell("" if value is None else value, _ROLES[type(value)]) for value in row]


def told(rows: Iterable[Row], what: str, total: int, progress: Progress | None) -> Iterator[Row]:
    """The same rows, while `progress` is told how many there were."""
    for number, row in enumerate(rows):
        if progress and number % _PROGRESS_EVERY == 0:
            progress(what, number, total)
        yield row


def text_columns(table: ReportTable) -> int:
    """How many columns stand left of the numbers."""
    return len(table.header()) - len(table.columns)


def sheet_text(text: str) -> str:
    """Text as a cell can hold it: line ends are LF, characters that would make the file unreadable are replaced."""
    if text.isprintable() and len(text) <= _LONGEST_TEXT:
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", lines)[:_LONGEST_TEXT]


def column_width(table: ReportTable) -> int:
    """Characters that hold the widest number as shown, and labels up to _LABEL_WIDTH; one width for all reads best."""
    rows = [row for block in table.blocks for row in block.cells]
    bounds = [
        bound(cells)
        for row in rows
        for bound in (min, max)
        if (cells := [cell for cell in row if cell is not None])
    ]
    label = min(max(map(len, table.columns), default=0), _LABEL_WIDTH)
    return _PADDING + max([label, *(len(f"{bound:,.2f}") for bound in bounds)])


def header_lines(table: ReportTable) -> int:
    """Lines that the header takes when its labels are wrapped to their columns."""
    width = column_width(table)
    longest = max((len(wrap(label, width)) for label in table.columns if len(label) > width), default=1)
    return min(longest, _HEADER_LINES)
