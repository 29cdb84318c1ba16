"""The report table as CSV (spec 8), and listings like it."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING

from orchestration.rendering.spreadsheet import told
from orchestration.reporting.report import Progress
from orchestration.reporting.table import METRICS, ReportTable, plain

if TYPE_CHECKING:
    from _csv import Writer

_FORMULA_STARTS = frozenset("=+-@\t\r")
_AFTER_FORMULA_STARTS = "A"
"""Text from here on begins with none of them: one comparison clears what most cells are."""


def write_csv(table: ReportTable, file: IO[bytes], progress: Progress | None = None) -> None:
    """The table as UTF-8 with a byte-order mark, RFC 4180, plain numbers; text cells cannot act as formulas."""
    with _writer(file) as writer:
        writer.writerow(map(inert, table.header()))
        rows = told(table.rows(), "CSV", len(table.blocks) * len(METRICS), progress)
        writer.writerows([*map(inert, texts), *map(plain, cells)] for texts, _, cells in rows)


def write_csv_listing(columns: Sequence[str], rows: Iterable[Sequence[object]], file: IO[bytes]) -> None:
    """The listing (`formats.render_listing`) in the same form: instants in ISO 8601 with a space, nothing as an empty field."""
    with _writer(file) as writer:
        writer.writerow(map(inert, columns))
        # Without a call a value: a call takes longer than all that is asked here.
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


def inert(text: str) -> str:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers never come here."""
    return f"'{text}" if text[:1] in _FORMULA_STARTS else text


@contextmanager
def _writer(file: IO[bytes]) -> "Iterator[Writer]":
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    yield csv.writer(text, lineterminator="\r\n")
    text.detach()
