"""The report table and listings as CSV (definition: CSV)."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING

from orchestration.progress import Progress
from orchestration.rendering.sheet import report_progress
from orchestration.reporting.table import ReportTable, format_cell

if TYPE_CHECKING:
    from _csv import Writer

_FORMULA_STARTS = frozenset("=+-@\t\r")
_AFTER_FORMULA_STARTS = "A"
"""Text from here on in code point order is not a formula: one comparison decides most cells."""


def write_csv(table: ReportTable, file: IO[bytes], progress: Progress | None = None) -> None:
    """Write the table as UTF-8 with a byte-order mark, in the form of RFC 4180, with plain numbers.

    A text cell cannot act as a formula.
    """
    with _open_writer(file) as writer:
        writer.writerow(map(neutralize_formula, table.header()))
        rows = report_progress(table.rows(), "CSV", table.row_count, progress)
        writer.writerows(
            [*map(neutralize_formula, texts), *map(format_cell, cells)] for texts, _, cells in rows
        )


def write_csv_listing(columns: Sequence[str], rows: Iterable[Sequence[object]], file: IO[bytes]) -> None:
    """Write a listing (`formats.render_listing`) in the same form.

    An instant is ISO 8601 with a space. No value is an empty field.
    """
    with _open_writer(file) as writer:
        writer.writerow(map(neutralize_formula, columns))
        # The conditions are inline, because a function call takes longer than they do.
        writer.writerows(
            [
                (value if value >= _AFTER_FORMULA_STARTS or value[:1] not in _FORMULA_STARTS else f"'{value}")
                if isinstance(value, str)
                else (text if "E" not in (text := str(value)) else f"{value:f}")
                if isinstance(value, Decimal)
                else value
                for value in row
            ]
            for row in rows
        )


def neutralize_formula(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    return f"'{text}" if text[:1] in _FORMULA_STARTS else text


@contextmanager
def _open_writer(file: IO[bytes]) -> "Iterator[Writer]":
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    yield csv.writer(text, lineterminator="\r\n")
    text.detach()
