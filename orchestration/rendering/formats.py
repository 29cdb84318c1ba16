"""The files a report can be had as."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from orchestration.errors import RequestError
from orchestration.rendering.chart import preset_named
from orchestration.rendering.delimited import csv_bytes
from orchestration.rendering.info import info_lines
from orchestration.rendering.xls import xls_bytes
from orchestration.rendering.xlsx import xlsx_bytes
from orchestration.reporting.report import Provenance, Report


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


def render(report: Report, provenance: Provenance, fmt: str, *, chart: str | None = None) -> bytes:
    """The report as a file of the format `fmt` (a key of FORMATS).

    `chart` (a key of CHARTS) adds a native chart to an XLSX; the other formats hold none. Raises RequestError
    for an unknown format or chart, and for a table larger than an XLSX sheet can be.
    """
    preset = preset_named(chart) if chart else None
    match fmt:
        case "csv":
            return csv_bytes(report.table)
        case "xlsx":
            return xlsx_bytes(report.table, info_lines(report, provenance), provenance, preset)
        case "xls":
            return xls_bytes(report.table, info_lines(report, provenance))
        case "json":
            return _json_bytes(report, provenance)
        case _:
            raise RequestError(f"unknown format {fmt!r}: use {', '.join(FORMATS)}")


def _json_bytes(report: Report, provenance: Provenance) -> bytes:
    document = {
        "title": provenance.title,
        "info": info_lines(report, provenance),
        "parameters": report.query.model_dump(mode="json", by_alias=True),
        "as_of": report.as_of.isoformat(),
        "table": report.table.to_json(),
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
