"""Large outputs: a listing of 100,000 clients with ten columns, and a report by date over five years with 60 packages.

Beside the listing, in the same run, from the same rows: `csv.writer`, XlsxWriter with constant_memory and openpyxl with
write_only. They guard no formula. The memory is the whole process's at its peak, with the table or the rows in it.
The same report from marts, computed and kept in all formats with the clients behind it, is one process from end to end.
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

from benchmarks.common import furnished_home, machine, middle, note
from orchestration.builds import build_marts
from orchestration.connections import database, open_archive
from orchestration.rendering import render, render_listing
from orchestration.reporting.engine import make_report
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Provenance, Report
from orchestration.reporting.table import METRICS, Block, Cell, ReportTable, Unit
from orchestration.settings import settings

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
_PEERS = {"csv": ("csv_writer",), "xlsx": ("xlsxwriter", "openpyxl"), "xls": ()}


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """So many clients."""
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


def ours(fmt: str, count: int, path: Path) -> None:
    """The listing as we write it."""
    with path.open("wb") as file:
        render_listing(_COLUMNS, rows(count), fmt, file)


def csv_writer(_: str, count: int, path: Path) -> None:
    """The listing by the standard library."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(rows(count))


def xlsxwriter(_: str, count: int, path: Path) -> None:
    """The listing by XlsxWriter, a row at a time."""
    from xlsxwriter import Workbook

    with Workbook(path, {"constant_memory": True, "remove_timezone": True}) as workbook:
        sheet = workbook.add_worksheet()
        at, money = (
            workbook.add_format({"num_format": form}) for form in ("yyyy-mm-dd hh:mm:ss", "#,##0.00")
        )
        formats = [None, None, None, None, None, at, money, at, None, None]
        sheet.write_row(0, 0, _COLUMNS)
        for y, row in enumerate(rows(count), 1):
            for x, value in enumerate(row):
                sheet.write(y, x, value, formats[x])


def openpyxl(_: str, count: int, path: Path) -> None:
    """The listing by openpyxl, a row at a time, without formats."""
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet()
    sheet.append(_COLUMNS)
    for row in rows(count):
        sheet.append([value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in row])
    workbook.save(path)


def by_date(fmt: str, packages: int, path: Path) -> None:
    """The report by date over five years."""
    chance = Random(1)  # noqa: S311 - numbers to fill a table

    def cells(unit: Unit) -> tuple[Cell, ...]:
        if unit is Unit.QUANTITY:
            return tuple(chance.randrange(100_000) for _ in days)
        return tuple(Decimal(chance.randrange(-(10**7), 10**8)).scaleb(-2) for _ in days)

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


def end_to_end(_: str, clients: int, __: Path) -> None:
    """A report by date over five years by package, from the marts of the home to a snapshot."""
    with open_archive() as (archive, connection):
        query = ReportQuery(interval="last 5 years", group_by=("date", "package_name"), client_type="client")
        began = time.monotonic()
        report = make_report(
            connection, query, base_currency="USD", with_clients=True, progress=lambda *_: None
        )
        note(
            f"computed in {time.monotonic() - began:.0f} s: {len(report.table.blocks)} packages, {clients} clients"
        )
        archive.keep(report, title="By date", generated_by="bench", generated_at=datetime.now(UTC))


def _more_packages() -> None:
    """Sixty packages instead of the sample's few, in each year others for a client."""
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
    """Measures, and gives each figure with what it is."""
    count, packages, runs = (10_000, 6, 1) if quick else (100_000, 60, 5)
    figures = {"machine": machine(), "listing": f"{count:,} x {len(_COLUMNS)} cells; medians of {runs} runs"}
    for fmt, peers in _PEERS.items():
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in ("ours", *peers)}
        for _ in range(runs):
            for name, times in taken.items():
                times.append(_apart(name, fmt, count))
                note(f"{fmt} by {name}: {times[-1]['seconds']:.2f} s")
        own, *theirs = (middle([run["seconds"] for run in times]) for times in taken.values())
        figures[f"listing as {fmt}"] = f"{own:.2f} s, {taken['ours'][0]['megabytes']:.0f} MB"
        figures |= {
            f"listing as {fmt} / {peer}": f"{own / its:.2f}" for peer, its in zip(peers, theirs, strict=True)
        }
    for fmt in ("csv", "xlsx", "xls", "json"):
        run = _apart("by_date", fmt, packages)
        cells = packages * len(METRICS) * 1826
        figures[f"report of {cells:,} cells as {fmt}"] = f"{run['seconds']:.1f} s, {run['megabytes']:.0f} MB"
    clients = 100 if quick else 2_000
    with furnished_home(clients, 60):
        _more_packages()
        run = _apart("end_to_end", "", clients)
    figures[
        f"by date over five years, 60 packages, {clients:,} clients: computed and kept in all formats"
    ] = f"{run['seconds']:.0f} s, {run['megabytes']:.0f} MB"
    return figures


def _apart(name: str, fmt: str, size: int) -> dict[str, float]:
    """Runs it in a process of its own: seconds, and megabytes at the peak."""
    done = subprocess.run(  # noqa: S603 - our own program, and no shell
        [sys.executable, "-m", __spec__.name if __spec__ else __name__, name, fmt, str(size)],
        check=True,
        capture_output=True,
    )
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


def _one(name: str, fmt: str, size: int) -> None:
    works: dict[str, Callable[[str, int, Path], None]] = {
        work.__name__: work for work in (ours, csv_writer, xlsxwriter, openpyxl, by_date, end_to_end)
    }
    with tempfile.TemporaryDirectory(prefix="dynamics-bench-") as folder:
        if name != "end_to_end":
            works[name](fmt, 2, Path(folder) / "first")  # what is imported late is imported now
        began = time.monotonic()
        works[name](fmt, size, Path(folder) / "file")
        seconds = time.monotonic() - began
    click.echo(
        json.dumps(
            {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        )
    )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        _one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        click.command()(click.option("--quick", is_flag=True)(lambda quick: click.echo(main(quick=quick))))()
