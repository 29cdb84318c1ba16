"""Large outputs: a listing of 100,000 clients, and a report by date with 60 packages.

The peers of the listing get the same rows in the same run: `csv.writer`, XlsxWriter with
constant_memory and openpyxl with write_only. They do not guard against formulas. The memory is the
peak of the whole process. Then one process computes the same report from marts and archives it in
all formats, with its drill-down clients.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import click

from benchmarks.common import describe_machine, home_with_sample, log_progress, median_of
from orchestration.builds import build_marts
from orchestration.connections import database, open_archive
from orchestration.rendering import render, render_listing
from orchestration.reporting.engine import compute_report
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Provenance, Report
from orchestration.reporting.table import METRICS, Block, Cell, ReportTable, Unit
from orchestration.settings import settings
from orchestration.snapshots import SnapshotDetails, archive_report

TITLE = "Large outputs"
_COLUMNS = (
    "Client",
    "Name",
    "Type",
    "Owner",
    "Currency",
    "Created",
    "Balance",
    "Last paid",
    "Tags",
    "In report",
)
_MOMENT = datetime(2025, 1, 1, tzinfo=UTC)
_PEERS = {
    "csv": ("write_with_csv_module",),
    "xlsx": ("write_with_xlsxwriter", "write_with_openpyxl"),
    "xls": (),
}
_PEER_NAMES = {
    "write_with_csv_module": "csv.writer",
    "write_with_xlsxwriter": "XlsxWriter",
    "write_with_openpyxl": "openpyxl",
}


def client_rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `count` clients."""
    for n in range(count):
        at = _MOMENT + timedelta(seconds=n)
        balance = Decimal(n * 7919 % 10_000_000 - 2_000_000).scaleb(-2)
        yield (
            f"c{n:07d}",
            f"Müller & Client {n}",
            "client",
            "Northline Telecom",
            "USD",
            at,
            balance,
            at,
            "retail, vip",
            n % 2,
        )


def write_listing(fmt: str, count: int, path: Path) -> None:
    """Write the listing with the product."""
    with path.open("wb") as file:
        render_listing(_COLUMNS, client_rows(count), fmt, file)


def write_with_csv_module(_: str, count: int, path: Path) -> None:
    """Write the listing with the standard library."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(client_rows(count))


def write_with_xlsxwriter(_: str, count: int, path: Path) -> None:
    """Write the listing with XlsxWriter, row by row."""
    from xlsxwriter import Workbook

    with Workbook(path, {"constant_memory": True, "remove_timezone": True}) as workbook:
        sheet = workbook.add_worksheet()
        at, money = (
            workbook.add_format({"num_format": form}) for form in ("yyyy-mm-dd hh:mm:ss", "#,##0.00")
        )
        formats = [None, None, None, None, None, at, money, at, None, None]
        sheet.write_row(0, 0, _COLUMNS)
        for y, row in enumerate(client_rows(count), 1):
            for x, value in enumerate(row):
                sheet.write(y, x, value, formats[x])


def write_with_openpyxl(_: str, count: int, path: Path) -> None:
    """Write the listing with openpyxl, row by row, without formats."""
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet()
    sheet.append(_COLUMNS)
    for row in client_rows(count):
        sheet.append([value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in row])
    workbook.save(path)


def render_report_by_date(fmt: str, packages: int, path: Path) -> None:
    """Render the report by date over five years."""
    rng = Random(1)  # noqa: S311 - sample numbers

    def cells(unit: Unit) -> tuple[Cell, ...]:
        if unit is Unit.QUANTITY:
            return tuple(rng.randrange(100_000) for _ in days)
        return tuple(Decimal(rng.randrange(-(10**7), 10**8)).scaleb(-2) for _ in days)

    days = tuple((date(2020, 1, 1) + timedelta(n)).isoformat() for n in range(1826))
    blocks = (Block(f"Package {n}", tuple(cells(row.unit) for row in METRICS)) for n in range(packages))
    query = ReportQuery(interval="last 5 years", group_by=("date", "package_name"), currency="USD")
    report = Report(
        query=query,
        interval=resolve_interval(query, _MOMENT),
        table=ReportTable(days, tuple(blocks), by_package=True),
        as_of=_MOMENT,
        build_id=1,
        data_interval=None,
        computed_in=timedelta(0),
    )
    path.write_bytes(render(report, Provenance("By date", "bench", _MOMENT, "https://localhost/"), fmt))


def create_snapshot_by_date(_: str, clients: int, __: Path) -> None:
    """Create a snapshot of a report by date and package over five years from the marts."""
    with open_archive() as (archive, connection):
        query = ReportQuery(interval="last 5 years", group_by=("date", "package_name"), client_type="client")
        began = time.monotonic()
        report = compute_report(
            connection, query, base_currency="USD", with_clients=True, progress=lambda *_: None
        )
        log_progress(
            f"computed in {time.monotonic() - began:.0f} s: {len(report.table.blocks)} packages, {clients} clients"
        )
        archive_report(archive, report, SnapshotDetails("By date", "bench"))


def _add_packages() -> None:
    """Give the sample sixty packages, and each client others in each year."""
    with database() as connection:
        connection.execute(
            "insert into billing.packages select 'p' || n, 'Package ' || n from generate_series(13, 60) as n"
        )
        connection.execute(
            "update billing.transactions set package_id = (array(select package_id from billing.packages order by 1))"
            "[1 + abs(hashtext(client_id || package_id || extract(year from occurred_at)::text)) % 60]"
            " where package_id <> ''"
        )
        connection.commit()
        build_marts(connection, state=settings().home / "dbt")


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name."""
    count, packages, runs = (10_000, 6, 1) if quick else (100_000, 60, 5)
    figures = {
        "machine": describe_machine(),
        "listing": f"{count:,} x {len(_COLUMNS)} cells; medians of {runs} runs",
    }
    for fmt, peers in _PEERS.items():
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in ("write_listing", *peers)}
        for _ in range(runs):
            for name, times in taken.items():
                times.append(_measure_in_process(name, fmt, count))
                log_progress(f"{fmt} by {name}: {times[-1]['seconds']:.2f} s")
        own, *peer_seconds = (median_of([run["seconds"] for run in times]) for times in taken.values())
        figures[f"listing as {fmt}"] = f"{own:.2f} s, {taken['write_listing'][0]['megabytes']:.0f} MB"
        figures |= {
            f"listing as {fmt} / {_PEER_NAMES[peer]}": f"{own / seconds:.2f}"
            for peer, seconds in zip(peers, peer_seconds, strict=True)
        }
    for fmt in ("csv", "xlsx", "xls", "json"):
        run = _measure_in_process("render_report_by_date", fmt, packages)
        cells = packages * len(METRICS) * 1826
        figures[f"report of {cells:,} cells as {fmt}"] = f"{run['seconds']:.1f} s, {run['megabytes']:.0f} MB"
    clients = 100 if quick else 2_000
    with home_with_sample(clients, 60):
        _add_packages()
        run = _measure_in_process("create_snapshot_by_date", "", clients)
    figures[
        f"by date over five years, 60 packages, {clients:,} clients: computed and archived in all formats"
    ] = f"{run['seconds']:.0f} s, {run['megabytes']:.0f} MB"
    return figures


def _measure_in_process(name: str, fmt: str, size: int) -> dict[str, float]:
    """Run a function in another process. Return its seconds and its peak of megabytes."""
    done = subprocess.run(  # noqa: S603 - a fixed command, and no shell
        [sys.executable, "-m", __spec__.name if __spec__ else __name__, name, fmt, str(size)],
        check=True,
        capture_output=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _run_and_print(name: str, fmt: str, size: int) -> None:
    functions: dict[str, Callable[[str, int, Path], None]] = {
        function.__name__: function
        for function in (
            write_listing,
            write_with_csv_module,
            write_with_xlsxwriter,
            write_with_openpyxl,
            render_report_by_date,
            create_snapshot_by_date,
        )
    }
    with tempfile.TemporaryDirectory(prefix="dynamics-bench-") as folder:
        if name != "create_snapshot_by_date":
            functions[name](fmt, 2, Path(folder) / "first")  # imports what is imported on first use
        began = time.monotonic()
        functions[name](fmt, size, Path(folder) / "file")
        seconds = time.monotonic() - began
    click.echo(
        json.dumps(
            {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        )
    )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        _run_and_print(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        click.command()(click.option("--quick", is_flag=True)(lambda quick: click.echo(main(quick=quick))))()
