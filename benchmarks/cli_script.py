"""The peer of `bench_cli`: `python -m benchmarks.cli_script FOLDER AS_OF FIRST LAST FILE`.

An analyst who has the raw tables as Parquet files and needs the report once writes such a script:
DuckDB computes the report, and the script writes it as CSV and prints it. It archives nothing and
rounds floats.
"""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime
from pathlib import Path

import numpy as np

from benchmarks.peers.parquet_files import ParquetPeer
from benchmarks.random_questions import Question

_BALANCES = ("Qty", "Balance Pos", "Balance Neg", "Balance")
_ROWS = (
    *(("Clients - Active", name) for name in _BALANCES),
    *(("Clients - Overall Active", name) for name in _BALANCES),
    *(("Clients - All", name) for name in _BALANCES),
    *(("Balance Refill", name) for name in ("Qty", "Total", "Avg")),
    *(("Pay As You Go", name) for name in ("Total", "Active Avg")),
    *(("Packages", name) for name in ("Activation Qty", "Activation Total", "Renew Qty", "Renew Total")),
)


def main(folder: str, as_of: str, first: str, last: str, file: str) -> None:
    """Compute the report by month, write it and print it."""
    begins, ends = date.fromisoformat(first), date.fromisoformat(last)
    question = Question(first=begins, last=ends, time_group="month")
    [cells] = ParquetPeer(Path(folder), datetime.fromisoformat(as_of)).report(question).cells
    months = range(begins.year * 12 + begins.month - 1, ends.year * 12 + ends.month)
    labels = [f"{month % 12 + 1:02}/{month // 12}" for month in months]
    lines = [["Section", "Metric", *labels]]
    lines += [[*names, *_texts(names[1], row)] for names, row in zip(_ROWS, cells.tolist(), strict=True)]
    with Path(file).open("w", encoding="utf-8-sig", newline="") as target:
        csv.writer(target).writerows(lines)
    for line in lines:
        print(" ".join(text.rjust(14) for text in line))  # noqa: T201 - the output of a script


def _texts(name: str, cells: list[float]) -> list[str]:
    is_quantity = name.endswith("Qty")
    return ["N/A" if np.isnan(cell) else f"{cell:.0f}" if is_quantity else f"{cell:.2f}" for cell in cells]


if __name__ == "__main__":
    main(*sys.argv[1:])
