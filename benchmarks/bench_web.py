"""The report page under 32 readers, next to bare Starlette with the same bytes and headers.

Then a report by date over three years, 23,016 cells, in headless Chromium.
"""

import json
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.common import describe_machine, fresh_home, log_progress, median_of
from benchmarks.web_browser import measure_visits
from orchestration.connections import open_archive
from orchestration.local import dagster_port, web_port
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Report
from orchestration.reporting.table import METRICS, Block, Cell, ReportTable, Unit
from orchestration.snapshots import SnapshotDetails, archive_report

TITLE = "The report's page"
CLIENTS = 32
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_NOT_SENT = ("date", "content-length", "connection")


def archive_sample_report(labels: list[str]) -> str:
    """Archive a report with columns of these labels, and return the id of its snapshot."""
    rng = Random(1)  # noqa: S311 - sample numbers

    def cell(unit: Unit) -> Cell:
        if unit is Unit.QUANTITY:
            return rng.randrange(100_000)
        return None if rng.random() < 0.1 else Decimal(rng.randrange(-(10**8), 10**8)) / 100

    query = ReportQuery.model_validate(
        {"interval": {"from": "2023-01-01", "to": "2025-12-31"}, "group_by": ["date"], "currency": "USD"}
    )
    cells = tuple(tuple(cell(metric.unit) for _ in labels) for metric in METRICS)
    report = Report(
        query=query,
        interval=resolve_interval(query, _NOON),
        table=ReportTable(tuple(labels), (Block(None, cells),)),
        as_of=_NOON,
        build_id=1,
        data_interval=None,
        computed_in=timedelta(seconds=1),
    )
    with open_archive() as (archive, _):
        details = SnapshotDetails("Customer Dynamics", "benchmark", _NOON)
        snapshot = archive_report(archive, report, details)
    return snapshot.manifest.id


@contextmanager
def start_server(port: int, *kind: str) -> Iterator[int]:
    """Run a server of `web_server` in another process until the block ends."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.web_server", *kind, str(port)])  # noqa: S603 - a fixed command, and no shell
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def fetch_answer(port: int, path: str) -> str:
    """Return the answer of a server in the form that the bare server reads."""
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "gzip"})) as answer:
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _NOT_SENT}
        return json.dumps({"headers": headers, "body": b64encode(answer.read()).decode()})


def run_readers(port: int, path: str, seconds: float) -> dict[str, float]:
    """Return the figures of CLIENTS readers: requests `a_second`, and `p99` of the times in ms."""
    arguments = [str(port), path, str(CLIENTS), str(seconds)]
    done = subprocess.run(  # noqa: S603 - a fixed command, and no shell
        [sys.executable, "-m", "benchmarks.web_load", *arguments], check=True, stdout=subprocess.PIPE
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name."""
    runs, seconds = (1, 1.0) if quick else (5, 5.0)
    with fresh_home() as home, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        days = [str(date(2023, 1, 1) + timedelta(days=day)) for day in range(1096)]
        month, wide = (
            f"/view?id={archive_sample_report(labels)}"
            for labels in ([f"{n:02}/2025" for n in range(1, 13)], days)
        )
        ours = stack.enter_context(start_server(web_port(home), "ours"))
        (folder / "answer.json").write_text(fetch_answer(ours, month), encoding="utf-8")
        bare = stack.enter_context(start_server(dagster_port(home), "bare", str(folder / "answer.json")))
        measured: dict[int, list[dict[str, float]]] = {ours: [], bare: []}
        for run in range(runs):
            for port, results in measured.items():
                results.append(run_readers(port, month, seconds))
            log_progress(
                f"run {run + 1} of {runs}: {', '.join(f'{results[-1]}' for results in measured.values())}"
            )
        visits = measure_visits(f"http://127.0.0.1:{ours}{wide}", runs)
        compressed = len(json.loads(fetch_answer(ours, wide))["body"]) * 3 // 4
    figure = {
        (port, name): median_of([run[name] for run in results])
        for port, results in measured.items()
        for name in ("a_second", "p99")
    }
    seen = {name: median_of([visit[name] for visit in visits]) for name in visits[0]}
    return {
        "machine": describe_machine(),
        "a run": f"{CLIENTS} connected readers, {seconds:.0f} s; medians of {runs} runs",
        "`/view` of 12 months, requests a second": f"{figure[ours, 'a_second']:.0f}",
        "the same bytes from bare Starlette": f"{figure[bare, 'a_second']:.0f}",
        "ours / bare": f"{figure[ours, 'a_second'] / figure[bare, 'a_second']:.2f}",
        "99th percentile, ours and bare": f"{figure[ours, 'p99']:.1f} ms, {figure[bare, 'p99']:.1f} ms",
        "21 x 1,096 cells, compressed HTML": f"{compressed / 1000:.0f} kB",
        "21 x 1,096 cells, first contentful paint": f"{seen['first_paint']:.0f} ms",
        "frames a second while scrolling": f"{seen['frames']:.0f}",
        "longest frame": f"{seen['longest']:.0f} ms",
    }


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            urlopen(f"http://127.0.0.1:{port}/healthz")
        except URLError as error:
            if getattr(error, "code", None):
                return
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing answers on port {port}")


if __name__ == "__main__":
    for label, measure in main(quick="--quick" in sys.argv).items():
        sys.stdout.write(f"{label:60}{measure}\n")
