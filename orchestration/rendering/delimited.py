"""The report table as CSV (spec 8)."""

import csv
import io

from orchestration.reporting.table import ReportTable, plain

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(table: ReportTable) -> bytes:
    """The table as UTF-8 with a byte-order mark, RFC 4180, plain numbers; text cells cannot act as formulas."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(_inert, table.header()))
    writer.writerows([*map(_inert, texts), *map(plain, cells)] for texts, _, cells in table.rows())
    return text.getvalue().encode("utf-8-sig")


def _inert(text: str) -> str:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers never come here."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
