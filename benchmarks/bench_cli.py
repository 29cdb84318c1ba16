"""`dynamics query` from the shell, and the phases of a large snapshot.

A process computes a report of 12 months from 1 million transactions. It renders all formats,
archives them with the drill-down clients, writes the CSV and prints it. Its peer is a Python
script: DuckDB computes the same report from Parquet of the raw tables. The script writes the CSV,
prints it and archives nothing. They take turns, and every cell is compared. The ratio is the median
of the ratios of the pairs. CPU is that of the process and its children, without the servers.

Then a snapshot of 12 months of 100,000 clients, with the drill-down clients, by phase in one warm
process.
"""

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common import describe_machine, fresh_home, log_progress, median_of
from benchmarks.peers.duck import parquet_from_csv
from benchmarks.product import database, load_and_build, write_sample

TITLE = "`dynamics query` from the shell"
_UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
_FIRST, _LAST = "2025-11-01", "2026-10-31"
_MONTHS = 25
_CENT = 0.011
"""The script's amounts are rounded floats."""


@dataclass(frozen=True, slots=True)
class Run:
    """The seconds of a process: elapsed, and of CPU with its children."""

    wall: float
    cpu: float


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name."""
    clients, clients_of_phases, pairs = (1_000, 2_000, 2) if quick else (10_000, 100_000, 9)
    figures = {"machine": describe_machine()}
    with fresh_home() as home:
        transactions = _fill(home, clients)
        parquet_from_csv(home / "extract", home)
        figures |= {
            f"{transactions / 1e6:.1f} M: {name}": figure
            for name, figure in _measure_pairs(home, pairs).items()
        }
    with fresh_home() as home:
        _fill(home, clients_of_phases)
        figures |= {
            f"{clients_of_phases:,} clients: {name}": figure
            for name, figure in _measure_phases(quick=quick).items()
        }
    return figures


def _fill(home: Path, clients: int) -> int:
    """Fill a home with sample data, and return the number of transactions."""
    rows = write_sample(home / "extract", clients=clients, months=_MONTHS, seed=1, until=_UNTIL).rows
    with database() as connection:
        load_and_build(connection, home / "extract", home / "dbt", _UNTIL)
    return rows["transactions"]


def _measure_pairs(home: Path, pairs: int) -> dict[str, str]:
    """Run the command and the script in turns."""
    own, other = home / "own.csv", home / "other.csv"
    query = ["query", "--from", _FIRST, "--to", _LAST, "--group-by", "month", "--file", str(own)]
    command = [sys.executable, "-m", "orchestration.cli", *query]
    script = [sys.executable, "-m", "benchmarks.cli_script", str(home), _UNTIL.isoformat(), _FIRST, _LAST]
    runs: list[tuple[Run, Run]] = []
    for pair in range(pairs + 1):
        ours, peer = _run(command), _run([*script, str(other)])
        _require_same(own, other)
        log_progress(
            f"query {ours.wall:.2f} s, CPU {ours.cpu:.2f} s; script {peer.wall:.2f} s, CPU {peer.cpu:.2f} s"
        )
        if pair:  # the first pair warms up the caches
            runs.append((ours, peer))
    helps = [_run([sys.executable, "-m", "orchestration.cli", "--help"]) for _ in range(pairs)]
    return {
        "a report of 12 months, `dynamics query`": f"{_format_runs([ours for ours, _ in runs])}, medians of {pairs}",
        "the same by a script with DuckDB": _format_runs([peer for _, peer in runs]),
        "`dynamics query` / script, median of pairs": f"{median_of([ours.wall / peer.wall for ours, peer in runs]):.2f}"
        f" (aim 1.2), CPU {median_of([ours.cpu / peer.cpu for ours, peer in runs]):.2f}",
        "`dynamics --help`": f"{min(run.wall for run in helps):.2f} s at best, CPU"
        f" {median_of([run.cpu for run in helps]):.2f} s (aim 0.2)",
    }


def _format_runs(runs: list[Run]) -> str:
    return f"{median_of([run.wall for run in runs]):.2f} s, CPU {median_of([run.cpu for run in runs]):.2f} s"


def _run(command: list[str]) -> Run:
    """Run a process to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own program, and no shell
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(wall, used.ru_utime + used.ru_stime)


def _require_same(own: Path, other: Path) -> None:
    """Raise AssertionError unless both files contain the same report."""
    tables = []
    for file in (own, other):
        with file.open(encoding="utf-8-sig", newline="") as lines:
            tables.append(list(csv.reader(lines)))
    for ours, theirs in zip(*tables, strict=True):
        for cell, peer_cell in zip(ours, theirs, strict=True):
            if cell != peer_cell and abs(float(cell) - float(peer_cell)) > _CENT:
                raise AssertionError(f"{ours[:2]}: product {cell}, script {peer_cell}")


def _measure_phases(*, quick: bool) -> dict[str, str]:
    """Measure the phases of a snapshot in another process."""
    runs = 2 if quick else 5
    command = [sys.executable, "-m", "benchmarks.snapshot_phases", _FIRST, _LAST, str(runs)]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command, and no shell
    phases: dict[str, list[float]] = json.loads(done.stdout)
    return {
        phase: f"{1000 * wall:.0f} ms, CPU {1000 * cpu:.0f} ms" for phase, (wall, cpu) in phases.items()
    } | {"number of runs": str(runs)}
