"""The file formats of a report and of a listing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from types import MappingProxyType
from typing import IO, Any, NamedTuple

from orchestration.domain import FileFormat
from orchestration.errors import RequestError
from orchestration.progress import Progress
from orchestration.rendering.chart import find_chart_preset
from orchestration.rendering.delimited import write_csv, write_csv_listing
from orchestration.rendering.info import info_lines
from orchestration.rendering.sheet import ListingValue, build_listing_rows, report_progress
from orchestration.rendering.xls import write_xls, write_xls_listing
from orchestration.rendering.xlsx import write_xlsx, write_xlsx_listing
from orchestration.reporting.report import Provenance, Report
from orchestration.reporting.table import FORMAT_VERSION, Block, ReportTable


class Format(NamedTuple):
    """The extension, the content type and the label of a format."""

    extension: str
    content_type: str
    label: str


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        FileFormat.CSV: Format("csv", "text/csv; charset=utf-8", "CSV"),
        FileFormat.XLSX: Format(
            "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel XLSx"
        ),
        FileFormat.XLS: Format("xls", "application/vnd.ms-excel", "Excel XLS"),
        FileFormat.JSON: Format("json", "application/json", "JSON"),
    }
)
"""The formats of a report, by name. A snapshot has a file of each format."""


def render(
    report: Report,
    provenance: Provenance,
    fmt: str,
    *,
    chart: str | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Return the report as a file of the format `fmt`, a key of FORMATS.

    `chart`, a key of CHART_PRESETS, adds a native chart to an XLSX file. Other formats have no
    chart. Raise RequestError for an unknown format or chart, and for a table that is too large
    for an XLSX sheet.
    """
    preset = find_chart_preset(chart) if chart else None
    file = BytesIO()
    match fmt:
        case FileFormat.CSV:
            write_csv(report.table, file, progress)
        case FileFormat.XLSX:
            write_xlsx(report.table, info_lines(report, provenance), provenance, preset, file, progress)
        case FileFormat.XLS:
            write_xls(report.table, info_lines(report, provenance), file, progress)
        case FileFormat.JSON:
            _write_json(report, provenance, file, progress)
        case _:
            raise RequestError(f"unknown format {fmt!r}: use {', '.join(FORMATS)}")
    return file.getvalue()


def render_listing(
    columns: Sequence[str], rows: Iterable[Sequence[ListingValue]], fmt: str, file: IO[bytes]
) -> None:
    """Write a listing with these headings as a file of the format csv, xlsx or xls.

    The memory use does not depend on the number of rows. Text stays text, money keeps its digits,
    and an instant appears in its own time zone. Raise RequestError for another format, and for
    more rows than an XLSX sheet can hold.
    """
    match fmt:
        case FileFormat.CSV:
            write_csv_listing(columns, rows, file)
        case FileFormat.XLSX:
            write_xlsx_listing(build_listing_rows(columns, rows), file)
        case FileFormat.XLS:
            write_xls_listing(build_listing_rows(columns, rows), file)
        case _:
            raise RequestError(f"unknown format {fmt!r} of a listing: use csv, xlsx, xls")


def render_table_json(table: ReportTable) -> bytes:
    """Return the stored form of the table: JSON with the version of the format."""
    file = BytesIO()
    document = {"version": FORMAT_VERSION, **replace(table, blocks=()).to_json()}
    _write_blocks(document, table.blocks, file)
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
    _write_blocks(document, report_progress(blocks, "JSON", len(blocks), progress), file, indent=1)


def _write_blocks(
    document: dict[str, Any], blocks: Iterable[Block], file: IO[bytes], indent: int | None = None
) -> None:
    """Write the document, which ends with an empty list, and put the blocks into the list.

    The blocks are converted one at a time, because the JSON values of a large table take much
    memory.
    """
    before, _, after = json.dumps(document, ensure_ascii=False, indent=indent).rpartition("[]")
    file.write(f"{before}[".encode())
    for number, block in enumerate(blocks):
        text = json.dumps(block.to_json(), ensure_ascii=False, indent=indent)
        file.write(f"{',' if number else ''}\n{text}".encode())
    file.write(f"]{after}".encode())
