r"""Loads of an extract into the schema `billing`: staging, checks, upserts, indexes and references.

The peer is `psql \copy` of the same transactions.csv into a table without keys, references and
checks, on the same server in the same run. Each load goes into an empty database. Then the same
extract is loaded again, which compares every row and changes none.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import psycopg
from psycopg.sql import SQL, Composed, Identifier

from benchmarks.common import POSTGRES, describe_machine, log_progress, median_of, resident_megabytes
from orchestration import local
from orchestration.db.database import connect
from orchestration.source import ensure_schema, load, write_sample

TITLE = "Loading an extract"
_BARE = (
    "create table bare (transaction_id text, client_id text, occurred_at timestamptz, kind text,"
    " amount numeric(20, 6), package_id text, updated_at timestamptz, voided_at timestamptz)"
)


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name."""
    sizes = {"1 M": 10_000} if quick else {"0.1 M": 1_000, "1 M": 10_000, "10 M": 100_000}
    figures = {"machine": describe_machine()}
    with tempfile.TemporaryDirectory(prefix="dynamics-bench-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        try:
            url = local.postgres(home)
            for name, clients in sizes.items():
                extract = Path(folder) / f"extract-{clients}"
                rows = write_sample(extract, clients=clients, months=25, seed=1).rows["transactions"]
                runs = 1 if quick else 3 if clients > 10_000 else 5
                figures |= {
                    f"{name}: {name_of_figure}": figure
                    for name_of_figure, figure in _measure(url, extract, rows, runs).items()
                }
        finally:
            local.stop(home)
    return figures


def _measure(url: str, extract: Path, rows: int, runs: int) -> dict[str, str]:
    bare: list[float] = []
    first: list[float] = []
    repeated: list[float] = []
    for run in range(1, runs + 1):
        # Each run needs a new name, because a process remembers which databases have the tables.
        name = f"bench_{rows}_{run}"
        _administer(url, SQL("create database {} template template0").format(Identifier(name)))
        target = url.replace("/dynamics?", f"/{name}?")
        bare.append(_seconds(partial(_copy, target, extract)))
        with connect(target) as connection:
            ensure_schema(connection)
            for times in (first, repeated):
                times.append(_seconds(partial(load, connection, extract)))
        _administer(url, SQL("drop database {} with (force)").format(Identifier(name)))
        log_progress(
            f"{rows:,} rows, run {run} of {runs}: bare {bare[-1]:.1f} s, load {first[-1]:.1f} s, repeated {repeated[-1]:.1f} s"
        )
    peer, own = median_of(bare), median_of(first)
    return {
        "transactions": f"{rows:,}; medians of {runs} runs",
        "psql \\copy into a bare table": f"{peer:.2f} s",
        "load": f"{own:.2f} s, {rows / own:,.0f} rows a second",
        "load / psql \\copy": f"{own / peer:.2f}",
        "the same extract again / psql \\copy": f"{median_of(repeated) / peer:.2f}",
        "memory of the loading process": f"{resident_megabytes():.0f} MB",
    }


def _administer(url: str, statement: Composed) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(statement)


def _copy(url: str, extract: Path) -> None:
    copy = f"\\copy bare from '{extract / 'transactions.csv'}' (format csv, header)"
    command = [str(POSTGRES / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", _BARE, "-c", copy]
    subprocess.run(command, check=True, env=os.environ | {"PGTZ": "UTC"})  # noqa: S603 - a fixed command, and no shell


def _seconds(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    click.command()(click.option("--quick", is_flag=True)(lambda quick: click.echo(main(quick=quick))))()
