"""`make bench` runs the benchmarks and writes their figures to docs/benchmarks.md.

Each topic is a module `bench_TOPIC.py` with a TITLE and a function `main`.
"""

import re
from importlib import import_module
from pathlib import Path

import click

from benchmarks.common import RESULTS

TOPICS = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
_HEAD = "# Benchmarks\n\nWritten by `make bench`; each peer runs in the same run as the product.\n"


@click.command()
@click.argument("topics", nargs=-1, type=click.Choice(TOPICS))
@click.option(
    "--quick",
    is_flag=True,
    help="Use a tenth of the data, measure once, and keep docs/benchmarks.md unchanged.",
)
def main(*, topics: tuple[str, ...], quick: bool) -> None:
    """Run the benchmarks of these topics, or all, and print their figures.

    The topic `random` reads the environment: BENCH_SIZES (numbers of transactions, separated by
    commas), BENCH_QUESTIONS, BENCH_SEED, and BENCH_FOLDER, a folder that keeps the data for later
    runs.
    """
    for topic in topics or TOPICS:
        benchmark = import_module(f"benchmarks.bench_{topic}")
        figures = benchmark.main(quick=quick)
        for name, figure in figures.items():
            click.echo(f"{name:60}  {figure}")
        if not quick:
            page = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else _HEAD
            description = (benchmark.__doc__ or "").strip()
            RESULTS.write_text(replace_section(page, benchmark.TITLE, description, figures), encoding="utf-8")


def replace_section(page: str, title: str, description: str, figures: dict[str, str]) -> str:
    """Return the page with new figures in the section of that title."""
    rows = "".join(f"| {name} | {figure} |\n" for name, figure in figures.items())
    section = f"## {title}\n\n{description}\n\n| figure | |\n|---|---|\n{rows}"
    head, *sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    by_title = {text.partition("\n")[0]: text.rstrip("\n") + "\n" for text in sections}
    by_title[f"## {title}"] = section
    return "\n".join([head.rstrip("\n") + "\n", *by_title.values()])


if __name__ == "__main__":
    main()
