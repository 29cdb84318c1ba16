"""`make bench`: the benchmarks, each topic a module `bench_TOPIC.py` with a TITLE and a `main`; figures go to docs/benchmarks.md."""

import re
from importlib import import_module
from pathlib import Path

import click

from benchmarks.common import RESULTS

TOPICS = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
_HEAD = "# Benchmarks\n\nWritten by `make bench`; each peer runs in the same run as we do.\n"


@click.command()
@click.argument("topics", nargs=-1, type=click.Choice(TOPICS))
@click.option("--quick", is_flag=True, help="A tenth of it, once; nothing is written.")
def main(*, topics: tuple[str, ...], quick: bool) -> None:
    """Run the benchmarks of these topics, or all, and print their figures.

    The topic `random` reads the environment: BENCH_SIZES (numbers of transactions, separated by commas),
    BENCH_QUESTIONS, BENCH_SEED, and BENCH_FOLDER, a folder that keeps the data for later runs.
    """
    for topic in topics or TOPICS:
        benchmark = import_module(f"benchmarks.bench_{topic}")
        figures = benchmark.main(quick=quick)
        for name, figure in figures.items():
            click.echo(f"{name:60}  {figure}")
        if not quick:
            page = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else _HEAD
            words = (benchmark.__doc__ or "").strip()
            RESULTS.write_text(with_section(page, benchmark.TITLE, words, figures), encoding="utf-8")


def with_section(page: str, title: str, words: str, figures: dict[str, str]) -> str:
    """The page with the figures under that title, in place of those that stood there before."""
    rows = "".join(f"| {name} | {figure} |\n" for name, figure in figures.items())
    section = f"## {title}\n\n{words}\n\n| figure | |\n|---|---|\n{rows}"
    head, *sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    found = {each.partition("\n")[0]: each.rstrip("\n") + "\n" for each in sections}
    found[f"## {title}"] = section
    return "\n".join([head.rstrip("\n") + "\n", *found.values()])


if __name__ == "__main__":
    main()
