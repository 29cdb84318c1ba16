"""Reports during builds, in parallel and after a cold start; and the disk space of the data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common import log_progress
from benchmarks.product import (
    PROJECT_ROOT,
    ReportQuery,
    compute_report,
    connect,
    database,
    database_url,
    local,
)
from benchmarks.random_questions import random_questions
from benchmarks.skewed_clients import AS_OF
from benchmarks.skewed_world import correct_transaction, undo_corrections

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection

    from benchmarks.random_questions import Question
    from benchmarks.skewed_world import World

_MIX_SEED, _MIX_CELLS = 77, 2_000
"""The mix of reports is fixed and has no very large report."""
_RELATIONS = """
    select nspname, sum(pg_total_relation_size(c.oid))::bigint
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind in ('r', 'm') and nspname !~ '^(pg_|information_schema|bench$)'
    group by 1 order by 1
"""


def measure(world: World, *, quick: bool) -> dict[str, str]:
    """Measure everything. The services of the home run again afterwards."""
    mix = random_questions(6 if quick else 24, _MIX_SEED, world.transactions, _MIX_CELLS)
    figures = measure_parallel_reports(mix, (1, 4) if quick else (1, 4, 16))
    figures |= measure_small_builds(world)
    figures |= measure_reports_during_builds(world, mix, small=1 if quick else 3)
    figures |= measure_disk_space(world)
    undo_corrections(world)
    figures |= measure_cold_start(world)
    return figures


def measure_disk_space(world: World) -> dict[str, str]:
    """Return the size of each schema and of each folder `store` in the home."""
    with database() as connection:
        sizes = {f"schema {name}": size for name, size in connection.execute(_RELATIONS).fetchall()}
    for folder in sorted(world.home.rglob("store")):
        if folder.is_dir() and (world.home / "postgres") not in folder.parents:
            sizes[f"folder {folder.relative_to(world.home)}"] = _bytes_in(folder)
    parquet, tables = _bytes_in(world.parquet), (world.folder / "peer.duckdb").stat().st_size
    sizes |= {"the Parquet files": parquet, "the tables of DuckDB": tables}
    raw = sizes.get("schema billing") or 1
    return {
        "space on disk": ", ".join(
            f"{name} {size / 1e6:.0f} MB ({size / raw:.2f} x raw)" for name, size in sizes.items()
        )
    }


def measure_small_builds(world: World) -> dict[str, str]:
    """Return the log of Postgres and the seconds of builds after one corrected transaction."""
    lines = []
    for number in range(3):
        _correct(world, number + 1)
        with database() as connection:
            before = _value(connection, "select pg_current_wal_lsn()")
            seconds = _finish(_start_build(world))
            written = _value(connection, "select pg_wal_lsn_diff(pg_current_wal_lsn(), %s)", before)
        lines.append(f"{float(written) / 1e6:.1f} MB in {seconds:.1f} s")
    return {"log of Postgres, builds after one corrected transaction each": ", ".join(lines)}


def measure_reports_during_builds(world: World, mix: list[Question], small: int) -> dict[str, str]:
    """Return the percentiles of the mix alone, during small builds, and during a full build."""
    queries = _queries(mix)
    times: dict[str, list[float]] = {"alone": [], "during small builds": [], "during a full build": []}
    with database() as connection:
        for _ in range(2):
            times["alone"] = [_report(connection, query) for query in queries]
        for number in range(small):
            _correct(world, number + 4)
            times["during small builds"] += _report_during(connection, queries, _start_build(world))
        full = _start_build(world, full_refresh=True)
        times["during a full build"] = _report_during(connection, queries, full)
    return {f"reports {name}": _format_times(seconds) for name, seconds in times.items()}


def measure_parallel_reports(mix: list[Question], levels: tuple[int, ...]) -> dict[str, str]:
    """Return the latencies of threads that share twice the mix, each with its own connection."""
    queries = _queries(mix)
    figures = {}
    alone: list[float] = []
    for level in levels:
        tasks: SimpleQueue[ReportQuery] = SimpleQueue()
        for query in queries * 2:
            tasks.put(query)
        began = time.perf_counter()
        with ThreadPoolExecutor(level) as pool:
            times = [seconds for done in pool.map(_work, [tasks] * level) for seconds in done]
        rate = len(times) / (time.perf_counter() - began)
        alone = alone or times
        ratio = np.median(times) / np.median(alone)
        figures[f"reports, {level} in parallel"] = (
            f"{_format_times(times)}, {rate:.1f} a second, median {ratio:.1f} x alone"
        )
        log_progress(f"{level} in parallel: {figures[f'reports, {level} in parallel']}")
    return figures


def measure_cold_start(world: World) -> dict[str, str]:
    """Return the times of reports in a new process, with all files of the home out of the cache."""
    local.stop(world.home)
    os.sync()
    for path in world.home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            _evict(path)
    done = _start_process("reports")
    out, _ = done.communicate()
    if done.returncode:
        raise RuntimeError("the process of the cold start failed: see its message above")
    return {f"cold start, {name}": figure for name, figure in json.loads(out).items()}


def _work(tasks: SimpleQueue[ReportQuery]) -> list[float]:
    times: list[float] = []
    with connect(database_url()) as connection:
        while True:
            try:
                query = tasks.get_nowait()
            except Empty:
                return times
            times.append(_report(connection, query))


def _report_during(
    connection: Connection[Any], queries: list[ReportQuery], build: subprocess.Popen[str]
) -> list[float]:
    """Compute reports until the build ends, and return their times."""
    times: list[float] = []
    while build.poll() is None:
        times.append(_report(connection, queries[len(times) % len(queries)]))
    _finish(build)
    return times


def _correct(world: World, tenth: int) -> None:
    """Correct a transaction in that tenth of the history."""
    with database() as connection:
        correct_transaction(connection, f"T{world.transactions * tenth // 10:09d}")


def _start_build(world: World, *, full_refresh: bool = False) -> subprocess.Popen[str]:
    """Start a process that builds, and wait until it begins."""
    process = _start_process("full_build" if full_refresh else "build", str(world.home / "dbt"))
    if process.stdout is None or process.stdout.readline() != "begins\n":
        raise RuntimeError("the build in the other process did not begin: see its message above")
    return process


def _finish(build: subprocess.Popen[str]) -> float:
    """Wait for the end of the build, and return its seconds."""
    out, _ = build.communicate()
    if build.returncode:
        raise RuntimeError("the build in the other process failed: see its message above")
    return float(out)


def _start_process(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.other_process", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)  # noqa: S603 - a fixed command


def _queries(mix: list[Question]) -> list[ReportQuery]:
    return [ReportQuery.model_validate(question.parameters()) for question in mix]


def _report(connection: Connection[Any], query: ReportQuery) -> float:
    """Compute a report, and return the seconds."""
    began = time.perf_counter()
    compute_report(connection, query, base_currency="USD", moment=AS_OF)
    return time.perf_counter() - began


def _format_times(times: list[float]) -> str:
    p50, p95, p99 = (1000 * value for value in np.percentile(times or [float("nan")], (50, 95, 99)))
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms of {len(times)}"


def _evict(path: Path) -> None:
    """Drop the pages of a file from the cache of the operating system."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _value(connection: Connection[Any], statement: Any, *parameters: Any) -> Any:
    row = connection.execute(statement, parameters).fetchone()
    connection.commit()
    return row[0] if row else None
