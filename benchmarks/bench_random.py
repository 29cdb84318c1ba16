"""Random reports on skewed data, next to DuckDB.

A few clients, owners, tags and packages have most of the transactions. The questions are random in
all parameters: interval, 14 time zones, type, tags, owners, packages, groups, currency and active
duration. Two peers answer each question in the same run, on two threads and with warm files. The
first is DuckDB on Parquet of the raw tables, with nothing prepared. The second is DuckDB on its own
tables: events sorted by type, owner and client, with the states before and after each, and months
of clients where they are exact. The time to load these tables is measured once, and nothing keeps
them up to date. Both peers sum the changes of states, never states times periods, and convert with
floats. Every cell is compared: quantities exactly, amounts to a cent. A ratio below 1 means that
the product is faster.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import reports_under_load as load
from benchmarks.common import describe_machine, log_progress, median_of
from benchmarks.peers.agreement import difference, product_report
from benchmarks.peers.parquet_files import ParquetPeer
from benchmarks.peers.tables import TablesPeer
from benchmarks.product import ReportQuery, compute_report, database
from benchmarks.random_questions import Question, random_questions
from benchmarks.skewed_clients import AS_OF
from benchmarks.skewed_world import World, skewed_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

TITLE = "Random reports on skewed data"
_PERCENTILES = (10, 25, 50, 75, 90, 100)
_WORST = 10
_PRODUCT, _PARQUET, _TABLES = "product", "DuckDB on Parquet", "DuckDB on its own tables"


@dataclass(frozen=True, slots=True)
class Measured:
    """The median seconds of a question by answerer, and the first difference of each peer."""

    question: Question
    seconds: dict[str, float]
    differences: dict[str, str]

    def ratio(self, *peers: str) -> float:
        """Return the product's time divided by the time of the fastest of the peers."""
        return self.seconds[_PRODUCT] / min(self.seconds[peer] for peer in peers)


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name.

    The environment can set BENCH_SIZES (transactions, separated by commas), BENCH_QUESTIONS,
    BENCH_SEED, and BENCH_FOLDER, which keeps the data between runs.
    """
    sizes = [
        int(size)
        for size in os.environ.get("BENCH_SIZES", "100000" if quick else "1000000,10000000").split(",")
    ]
    count = int(os.environ.get("BENCH_QUESTIONS", "12" if quick else "60"))
    seed = int(os.environ.get("BENCH_SEED", "1"))
    figures = {"machine": describe_machine()}
    for size in sizes:
        with skewed_world(size, seed=1) as world:
            measured = _measure_questions(
                world, count, seed, rounds=1 if quick else 3 if size <= 1_000_000 else 2
            )
            measured |= load.measure(world, quick=quick)
        figures |= {f"{size / 1e6:g} M: {name}": figure for name, figure in measured.items()}
    return figures


def _measure_questions(world: World, count: int, seed: int, rounds: int) -> dict[str, str]:
    tables = TablesPeer(world.folder / "peer.duckdb", world.parquet, AS_OF)
    peers: dict[str, Callable[[Question], Any]] = {
        _PARQUET: ParquetPeer(world.parquet, AS_OF).report,
        _TABLES: tables.report,
    }
    measured = []
    with database() as connection:
        for number, question in enumerate(random_questions(count, seed, world.transactions), start=1):
            measured.append(_measure(connection, question, peers, rounds))
            times = ", ".join(
                f"{who} {1000 * seconds:.0f} ms" for who, seconds in measured[-1].seconds.items()
            )
            log_progress(f"{number} of {count}: {times}: {question.describe()}")
            for peer, difference_found in measured[-1].differences.items():
                log_progress(f"  DIFFERS from {peer}: {difference_found}")
    return {f"load of {_TABLES}": f"{tables.load_seconds:.0f} s, once"} | _format_figures(measured, rounds)


def _measure(
    connection: Connection[Any], question: Question, peers: dict[str, Callable[[Question], Any]], rounds: int
) -> Measured:
    """Let the product and the peers take turns: one round to warm up, then `rounds` more."""
    query = ReportQuery.model_validate(question.parameters())

    def answer_by_product() -> Any:
        return compute_report(connection, query, base_currency="USD", moment=AS_OF)

    answerers: dict[str, Callable[[], Any]] = {_PRODUCT: answer_by_product}
    answerers |= {name: partial(answer, question) for name, answer in peers.items()}
    times: dict[str, list[float]] = {name: [] for name in answerers}
    answers: dict[str, Any] = {}
    for turn in range(rounds + 1):
        names = list(answerers)
        # Another one begins each round.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            began = time.perf_counter()
            answers[name] = answerers[name]()
            times[name].append(time.perf_counter() - began)
    table = product_report(answers.pop(_PRODUCT).table, by_package=question.by_package)
    differences = {name: difference(table, answer) for name, answer in answers.items()}
    return Measured(
        question,
        {name: median_of(seconds[1:]) for name, seconds in times.items()},
        {name: text for name, text in differences.items() if text},
    )


def _format_figures(measured: list[Measured], rounds: int) -> dict[str, str]:
    count = len(measured)
    agreeing = sum(not result.differences for result in measured)
    figures = {
        "questions": f"{count}, medians of {rounds} after one warm-up; {agreeing} agree in every cell with both peers"
    }
    against = {_PARQUET: (_PARQUET,), _TABLES: (_TABLES,), "the faster of both": (_PARQUET, _TABLES)}
    for name, peers in against.items():
        ratios = [result.ratio(*peers) for result in measured]
        percentiles = ", ".join(f"{value:.2f}" for value in np.percentile(ratios, _PERCENTILES))
        faster = sum(ratio < 1 for ratio in ratios)
        figures[f"product / {name}: p10, p25, median, p75, p90, max"] = (
            f"{percentiles}; faster in {faster} of {count}"
        )
    for who in (_PRODUCT, _PARQUET, _TABLES):
        seconds = [1000 * result.seconds[who] for result in measured]
        percentiles = ", ".join(f"{value:.0f}" for value in np.percentile(seconds, _PERCENTILES))
        figures[f"{who}, ms: p10, p25, median, p75, p90, max"] = percentiles
    worst = sorted(measured, key=lambda result: -result.ratio(_PARQUET, _TABLES))[:_WORST]
    for rank, result in enumerate(worst, start=1):
        times = ", ".join(f"{1000 * result.seconds[who]:.0f}" for who in (_PRODUCT, _PARQUET, _TABLES))
        ratio = result.ratio(_PARQUET, _TABLES)
        figures[f"worst {rank}: {result.question.describe()}"] = f"{ratio:.1f} x the faster peer; {times} ms"
    return figures
