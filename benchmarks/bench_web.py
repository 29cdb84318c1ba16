"""The report's page as 32 readers open it, beside a bare Starlette answer of the same bytes and headers.

And a report by date over three years, 23,016 cells, in headless Chromium.
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

from benchmarks.common import fresh_home, machine, middle, note
from benchmarks.web_browser import look
from orchestration.connections import open_archive
from orchestration.local import dagster_port, web_port
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Report
from orchestration.reporting.table import METRICS, Block, Cell, ReportTable, Unit

TITLE = "The report's page"
CLIENTS = 32
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_NOT_SENT = ("date", "content-length", "connection")


def keep(labels: list[str]) -> str:
    """Keeps a report over columns of these labels, and gives its snapshot's id."""
    luck = Random(1)  # noqa: S311 - numbers that look like numbers

    def cell(unit: Unit) -> Cell:
        if unit is Unit.QUANTITY:
            return luck.randrange(100_000)
        return None if luck.random() < 0.1 else Decimal(luck.randrange(-(10**8), 10**8)) / 100

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
        kept = archive.keep(report, title="Customer Dynamics", generated_by="benchmark", generated_at=_NOON)
    return kept.manifest.id


@contextmanager
def server(port: int, *kind: str) -> Iterator[int]:
    """One of the servers of `web_server` on that port, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.web_server", *kind, str(port)])  # noqa: S603 - our own program, and no shell
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def answer_of(port: int, path: str) -> str:
    """What a server answers, as the bare one needs it."""
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "gzip"})) as answer:
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _NOT_SENT}
        return json.dumps({"headers": headers, "body": b64encode(answer.read()).decode()})


def load(port: int, path: str, seconds: float) -> dict[str, float]:
    """What CLIENTS readers got in that time: `a_second`, and `p99` in ms."""
    arguments = [str(port), path, str(CLIENTS), str(seconds)]
    done = subprocess.run(  # noqa: S603 - our own program, and no shell
        [sys.executable, "-m", "benchmarks.web_load", *arguments], check=True, stdout=subprocess.PIPE
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main(*, quick: bool) -> dict[str, str]:
    """Measures, and gives each figure with what it is."""
    runs, seconds = (1, 1.0) if quick else (5, 5.0)
    with fresh_home() as home, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        days = [str(date(2023, 1, 1) + timedelta(days=day)) for day in range(1096)]
        month, wide = (
            f"/view?id={keep(labels)}" for labels in ([f"{n:02}/2025" for n in range(1, 13)], days)
        )
        ours = stack.enter_context(server(web_port(home), "ours"))
        (folder / "answer.json").write_text(answer_of(ours, month), encoding="utf-8")
        bare = stack.enter_context(server(dagster_port(home), "bare", str(folder / "answer.json")))
        measured: dict[int, list[dict[str, float]]] = {ours: [], bare: []}
        for run in range(runs):
            for port, found in measured.items():
                found.append(load(port, month, seconds))
            note(f"run {run + 1} of {runs}: {', '.join(f'{found[-1]}' for found in measured.values())}")
        visits = look(f"http://127.0.0.1:{ours}{wide}", runs)
        compressed = len(json.loads(answer_of(ours, wide))["body"]) * 3 // 4
    figure = {
        (port, name): middle([run[name] for run in found])
        for port, found in measured.items()
        for name in ("a_second", "p99")
    }
    seen = {name: middle([visit[name] for visit in visits]) for name in visits[0]}
    return {
        "machine": machine(),
        "a run": f"{CLIENTS} readers that stay connected, {seconds:.0f} s; medians of {runs} runs",
        "`/view` of 12 months, requests a second": f"{figure[ours, 'a_second']:.0f}",
        "the same bytes from bare Starlette": f"{figure[bare, 'a_second']:.0f}",
        "ours / bare": f"{figure[ours, 'a_second'] / figure[bare, 'a_second']:.2f}",
        "99th percentile, ours and bare": f"{figure[ours, 'p99']:.1f} ms, {figure[bare, 'p99']:.1f} ms",
        "21 x 1,096 cells, HTML as it is sent": f"{compressed / 1000:.0f} kB",
        "21 x 1,096 cells, first contentful paint": f"{seen['first_paint']:.0f} ms",
        "scrolling through them, frames a second": f"{seen['frames']:.0f}",
        "the longest frame": f"{seen['longest']:.0f} ms",
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
