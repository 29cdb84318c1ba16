"""The phases of a snapshot: `python -m benchmarks.snapshot_phases FIRST LAST RUNS`.

The program prints the median seconds of each phase as JSON: elapsed, and of CPU without the
servers.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from benchmarks.common import median_of
from benchmarks.product import (
    FORMATS,
    Provenance,
    ReportQuery,
    SnapshotDetails,
    archive_report,
    compute_report,
    open_archive,
    render,
    render_table_json,
)


class Phases:
    """The seconds of each phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[tuple[float, float]]] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure the block as a part of that phase."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        taken = (time.perf_counter() - wall, time.process_time() - cpu)
        self.seconds.setdefault(name, []).append(taken)

    def medians(self) -> dict[str, tuple[float, float]]:
        """Return the medians of all runs except the first, which warms up the caches."""
        return {
            name: (median_of([wall for wall, _ in taken[1:]]), median_of([cpu for _, cpu in taken[1:]]))
            for name, taken in self.seconds.items()
        }


def main(first: str, last: str, runs: int) -> dict[str, tuple[float, float]]:
    """Create the same snapshot `runs` times, and once before to warm up the caches."""
    query = ReportQuery.model_validate({"interval": {"from": first, "to": last}, "group_by": ["month"]})
    phases = Phases()
    with open_archive() as (archive, connection):
        for _ in range(runs + 1):
            moment = datetime.now(UTC)
            with phases.phase("the table"):
                compute_report(connection, query, base_currency="USD", moment=moment)
            with phases.phase("the snapshot, of which"):
                with phases.phase("the table and the clients"):
                    report = compute_report(
                        connection, query, base_currency="USD", moment=moment, with_clients=True
                    )
                with phases.phase("rendering, storing, index"):
                    archive_report(archive, report, SnapshotDetails("Snapshot", "bench", moment))
            provenance = Provenance("Snapshot", "bench", moment, "http://localhost/")
            with phases.phase("rendering alone"):
                render_table_json(report.table)
                for fmt in FORMATS:
                    with phases.phase(f"rendering {fmt}"):
                        render(report, provenance, fmt)
    return phases.medians()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
