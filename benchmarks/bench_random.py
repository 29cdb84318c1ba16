"""Random reports on skewed data, beside DuckDB.

A few clients, owners, tags and packages have most of the transactions. The questions are random over all parameters: length
and place of the interval, 14 zones, type, tags, owners, packages, groups, currency, active duration. Two peers answer each
question in the same run, on two threads and with warm files. The first is DuckDB on Parquet of the raw tables, with nothing
prepared. The second is DuckDB on its own tables: events sorted by type, owner and client with the states before and after
each, and clients' months where they are exact. Loading them is timed here; nothing keeps them up to date. Both sum the
edges of states, never states times periods, and convert with floats. Every cell is compared: quantities exactly, amounts to
a cent. A ratio below 1 means that the product is faster.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import reports_under_load as load
from benchmarks.common import machine, middle, note
from benchmarks.peers.agreement import difference, product_report
from benchmarks.peers.parquet_files import ParquetPeer
from benchmarks.peers.tables import TablesPeer
from benchmarks.product import ReportQuery, database, make_report
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
    """A question with the median seconds of each who answered it, and the first difference from the product."""

    question: Question
    seconds: dict[str, float]
    differences: dict[str, str]

    def ratio(self, *peers: str) -> float:
        """Return the product's time in terms of the fastest of the peers."""
        return self.seconds[_PRODUCT] / min(self.seconds[peer] for peer in peers)


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name.

    The environment can set BENCH_SIZES (transactions, separated by commas), BENCH_QUESTIONS, BENCH_SEED, and
    BENCH_FOLDER, which keeps the data between runs.
    """
    sizes = [
        int(size)
        for size in os.environ.get("BENCH_SIZES", "100000" if quick else "1000000,10000000").split(",")
    ]
    count = int(os.environ.get("BENCH_QUESTIONS", "12" if quick else "60"))
    seed = int(os.environ.get("BENCH_SEED", "1"))
    figures = {"machine": machine()}
    for size in sizes:
        with skewed_world(size, seed=1) as world:
            measured = _questions(world, count, seed, rounds=1 if quick else 3 if size <= 1_000_000 else 2)
            measured |= load.figures(world, quick=quick)
        figures |= {f"{size / 1e6:g} M: {name}": figure for name, figure in measured.items()}
    return figures


def _questions(world: World, count: int, seed: int, rounds: int) -> dict[str, str]:
    tables = TablesPeer(world.folder / "peer.duckdb", world.parquet, AS_OF)
    peers: dict[str, Callable[[Question], Any]] = {
        _PARQUET: ParquetPeer(world.parquet, AS_OF).report,
        _TABLES: tables.report,
    }
    measured = []
    with database() as connection:
        for number, question in enumerate(random_questions(count, seed, world.transactions), start=1):
            measured.append(_measure(connection, question, peers, rounds))
            told = ", ".join(
                f"{who} {1000 * seconds:.0f} ms" for who, seconds in measured[-1].seconds.items()
            )
            note(f"{number} of {count}: {told}: {question.words()}")
            for peer, found in measured[-1].differences.items():
                note(f"  NOT THE SAME as {peer}: {found}")
    return {f"load of {_TABLES}": f"{tables.load_seconds:.0f} s, once"} | _figures(measured, rounds)


def _measure(
    connection: Connection[Any], question: Question, peers: dict[str, Callable[[Question], Any]], rounds: int
) -> Measured:
    """Let the product and the peers take turns, one round to warm up and some more."""
    query = ReportQuery.model_validate(question.parameters())

    def ours() -> Any:
        return make_report(connection, query, base_currency="USD", moment=AS_OF)

    everybody: dict[str, Callable[[], Any]] = {_PRODUCT: ours}
    everybody |= {name: partial(answer, question) for name, answer in peers.items()}
    times: dict[str, list[float]] = {name: [] for name in everybody}
    answers: dict[str, Any] = {}
    for turn in range(rounds + 1):
        names = list(everybody)
        # Each begins a round in its turn.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            began = time.perf_counter()
            answers[name] = everybody[name]()
            times[name].append(time.perf_counter() - began)
    table = product_report(answers.pop(_PRODUCT).table, by_package=question.by_package)
    found = {name: difference(table, answer) for name, answer in answers.items()}
    return Measured(
        question,
        {name: middle(seconds[1:]) for name, seconds in times.items()},
        {name: words for name, words in found.items() if words},
    )


def _figures(measured: list[Measured], rounds: int) -> dict[str, str]:
    count = len(measured)
    agreeing = sum(not each.differences for each in measured)
    figures = {
        "questions": f"{count}, medians of {rounds} after one to warm up; {agreeing} agree in every cell with both peers"
    }
    against = {_PARQUET: (_PARQUET,), _TABLES: (_TABLES,), "the faster of both": (_PARQUET, _TABLES)}
    for name, peers in against.items():
        ratios = [each.ratio(*peers) for each in measured]
        shown = ", ".join(f"{value:.2f}" for value in np.percentile(ratios, _PERCENTILES))
        faster = sum(ratio < 1 for ratio in ratios)
        figures[f"product / {name}: p10, p25, median, p75, p90, max"] = (
            f"{shown}; faster in {faster} of {count}"
        )
    for who in (_PRODUCT, _PARQUET, _TABLES):
        seconds = [1000 * each.seconds[who] for each in measured]
        shown = ", ".join(f"{value:.0f}" for value in np.percentile(seconds, _PERCENTILES))
        figures[f"{who}, ms: p10, p25, median, p75, p90, max"] = shown
    worst = sorted(measured, key=lambda each: -each.ratio(_PARQUET, _TABLES))[:_WORST]
    for place, each in enumerate(worst, start=1):
        times = ", ".join(f"{1000 * each.seconds[who]:.0f}" for who in (_PRODUCT, _PARQUET, _TABLES))
        ratio = each.ratio(_PARQUET, _TABLES)
        figures[f"worst {place}: {each.question.words()}"] = f"{ratio:.1f} x the faster peer; {times} ms"
    return figures
