"""Work in another process.

Usage: `python -m benchmarks.other_process (build|full_build STATE | reports)`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from benchmarks.product import ReportQuery, build_marts, compute_report, database
from benchmarks.random_questions import Question
from benchmarks.skewed_clients import AS_OF, client_id, package_id

_YEAR = Question(first=date(2025, 10, 1), last=date(2026, 9, 30), time_group="month")
_COLD = {
    "12 months, all clients": _YEAR,
    "then one owner": replace(_YEAR, owners=(client_id(0),)),
    "then one package": replace(_YEAR, packages=(package_id(0),)),
}


def build(state: Path, *, full_refresh: bool) -> None:
    """Build the marts. Print when the build begins, and how many seconds it took."""
    with database() as connection:
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        began = time.perf_counter()
        build_marts(connection, state=state, full_refresh=full_refresh)
        sys.stdout.write(f"{time.perf_counter() - began:.3f}\n")


def reports() -> dict[str, str]:
    """Return the time of the first connection, and the first and later times of some reports."""
    began = time.perf_counter()
    with database() as connection:
        figures = {"the database": f"{time.perf_counter() - began:.2f} s"}
        for name, question in _COLD.items():
            query = ReportQuery.model_validate(question.parameters())
            times = []
            for _ in range(4):
                began = time.perf_counter()
                compute_report(connection, query, base_currency="USD", moment=AS_OF)
                times.append(1000 * (time.perf_counter() - began))
            figures[name] = f"{times[0]:.0f} ms, later {min(times[1:]):.0f} ms"
    return figures


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    if task == "reports":
        sys.stdout.write(json.dumps(reports()))
    else:
        build(Path(rest[0]), full_refresh=task == "full_build")
