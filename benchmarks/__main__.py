"""`make bench`: every benchmark; the figures of a whole run go to docs/benchmarks.md."""

import click

from benchmarks import bench_deliveries
from benchmarks.common import RESULTS

BENCHMARKS = {bench_deliveries: "500 saved queries on one schedule"}


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of it, once; nothing is written.")
def main(*, quick: bool) -> None:
    """Runs the benchmarks and prints their figures."""
    parts = ["# Benchmarks\n", "Written by `make bench`; each peer runs in the same run as we do.\n"]
    for benchmark, title in BENCHMARKS.items():
        figures = benchmark.main(quick=quick)
        lines = [f"| {name} | {figure} |" for name, figure in figures.items()]
        parts += [
            f"## {title}\n",
            (benchmark.__doc__ or "").strip() + "\n",
            "| figure | |\n|---|---|",
            *lines,
            "",
        ]
        for name, figure in figures.items():
            click.echo(f"{name:50}{figure}")
    if not quick:
        RESULTS.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
