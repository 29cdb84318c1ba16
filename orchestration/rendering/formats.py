"""The files a report can be had as."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from types import MappingProxyType
from typing import IO, Any, NamedTuple

from orchestration.errors import RequestError
from orchestration.rendering.chart import preset_named
from orchestration.rendering.delimited import write_csv, write_csv_listing
from orchestration.rendering.info import info_lines
from orchestration.rendering.spreadsheet import Value, listing_rows, told
from orchestration.rendering.xls import write_xls, write_xls_listing
from orchestration.rendering.xlsx import write_xlsx, write_xlsx_listing
from orchestration.reporting.report import Progress, Provenance, Report
from orchestration.reporting.table import Block, ReportTable


class Format(NamedTuple):
    """How files of one format are called and announced."""

    extension: str
    content_type: str
    label: str


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "csv": Format("csv", "text/csv; charset=utf-8", "CSV"),
        "xlsx": Format(
            "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel XLSx"
        ),
        "xls": Format("xls", "application/vnd.ms-excel", "Excel XLS"),
        "json": Format("json", "application/json", "JSON"),
    }
)


def render(
    report: Report,
    provenance: Provenance,
    fmt: str,
    *,
    chart: str | None = None,
    progress: Progress | None = None,
) -> bytes:
    """The report as a file of the format `fmt` (a key of FORMATS).

    `chart` (a key of CHARTS) adds a native chart to an XLSX; the other formats hold none. Raises RequestError
    for an unknown format or chart, and for a table larger than an XLSX sheet can be.
    """
    preset = preset_named(chart) if chart else None
    file = BytesIO()
    match fmt:
        case "csv":
            write_csv(report.table, file, progress)
        case "xlsx":
            write_xlsx(report.table, info_lines(report, provenance), provenance, preset, file, progress)
        case "xls":
            write_xls(report.table, info_lines(report, provenance), file, progress)
        case "json":
            _write_json(report, provenance, file, progress)
        case _:
            raise RequestError(f"unknown format {fmt!r}: use {', '.join(FORMATS)}")
    return file.getvalue()


def render_listing(
    columns: Sequence[str], rows: Iterable[Sequence[Value]], fmt: str, file: IO[bytes]
) -> None:
    """Writes a listing with these headings as a file of the format csv, xlsx or xls, in memory that its length does not change.

    Text is text whatever it looks like, money keeps its digits, and an instant is shown on the wall clock that it came
    with. Raises RequestError for another format and for more rows than an XLSX sheet can hold.
    """
    match fmt:
        case "csv":
            write_csv_listing(columns, rows, file)
        case "xlsx":
            write_xlsx_listing(listing_rows(columns, rows), file)
        case "xls":
            write_xls_listing(listing_rows(columns, rows), file)
        case _:
            raise RequestError(f"a listing cannot be had as {fmt!r}: use csv, xlsx, xls")


def table_json(table: ReportTable) -> bytes:
    """The table alone as JSON, for `ReportTable.from_json`; in memory that its text takes."""
    file = BytesIO()
    _write_blocks(replace(table, blocks=()).to_json(), table.blocks, file)
    return file.getvalue()


def _write_json(report: Report, provenance: Provenance, file: IO[bytes], progress: Progress | None) -> None:
    document = {
        "title": provenance.title,
        "info": info_lines(report, provenance),
        "parameters": report.query.model_dump(mode="json", by_alias=True),
        "as_of": report.as_of.isoformat(),
        "table": replace(report.table, blocks=()).to_json(),
    }
    blocks = report.table.blocks
    _write_blocks(document, told(blocks, "JSON", len(blocks), progress), file, indent=1)


def _write_blocks(
    document: dict[str, Any], blocks: Iterable[Block], file: IO[bytes], indent: int | None = None
) -> None:
    """Writes the document, which ends with an empty list, with the blocks in it, one by one.

    As JSON values they take a hundred bytes a cell.
    """
    before, _, after = json.dumps(document, ensure_ascii=False, indent=indent).rpartition("[]")
    file.write(f"{before}[".encode())
    for number, block in enumerate(blocks):
        text = json.dumps(block.to_json(), ensure_ascii=False, indent=indent)
        file.write(f"{',' if number else ''}\n{text}".encode())
    file.write(f"]{after}".encode())
