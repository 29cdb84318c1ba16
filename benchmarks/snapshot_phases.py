"""The phases of a snapshot in a process of their own: `python -m benchmarks.snapshot_phases FIRST LAST RUNS`.

Prints for each phase the median seconds on the wall and of CPU, without the servers', as JSON.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from benchmarks.common import middle
from benchmarks.product import (
    FORMATS,
    Provenance,
    ReportQuery,
    make_report,
    open_archive,
    render,
    table_json,
)


class Phases:
    """Seconds of each phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[tuple[float, float]]] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens in the block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        taken = (time.perf_counter() - wall, time.process_time() - cpu)
        self.seconds.setdefault(name, []).append(taken)

    def medians(self) -> dict[str, tuple[float, float]]:
        """Return the medians of all runs but the first, which is to warm up."""
        return {
            name: (middle([wall for wall, _ in taken[1:]]), middle([cpu for _, cpu in taken[1:]]))
            for name, taken in self.seconds.items()
        }


def main(first: str, last: str, runs: int) -> dict[str, tuple[float, float]]:
    """Make the same snapshot so many times, and once before."""
    query = ReportQuery.model_validate({"interval": {"from": first, "to": last}, "group_by": ["month"]})
    phases = Phases()
    with open_archive() as (archive, connection):
        for _ in range(runs + 1):
            moment = datetime.now(UTC)
            with phases.phase("the table"):
                make_report(connection, query, base_currency="USD", moment=moment)
            with phases.phase("the snapshot, of which"):
                with phases.phase("the table and the clients"):
                    report = make_report(
                        connection, query, base_currency="USD", moment=moment, with_clients=True
                    )
                with phases.phase("rendering, storing, index"):
                    archive.keep(report, title="Snapshot", generated_by="bench", generated_at=moment)
            told = Provenance("Snapshot", "bench", moment, "http://localhost/")
            with phases.phase("rendering alone"):
                table_json(report.table)
                for fmt in FORMATS:
                    with phases.phase(f"rendering {fmt}"):
                        render(report, told, fmt)
    return phases.medians()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
