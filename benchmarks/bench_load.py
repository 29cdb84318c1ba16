r"""An extract into the schema `billing`: staged, held to the contract, upserted, with every index and reference.

Beside it, in the same run and on the same server: `psql \copy` of the same transactions.csv into a bare table, which has
no key, no reference, and no rule but its types. Each load goes into an empty database. Then the same extract is loaded
again, which compares every row and changes none.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import psycopg
from psycopg.sql import SQL, Composed, Identifier

from benchmarks.common import POSTGRES, machine, middle, note, resident_megabytes
from orchestration import local
from orchestration.database import connect
from orchestration.source import ensure_schema, load, write_sample

TITLE = "Loading an extract"
_BARE = (
    "create table bare (transaction_id text, client_id text, occurred_at timestamptz, kind text,"
    " amount numeric(20, 6), package_id text, updated_at timestamptz, voided_at timestamptz)"
)


def main(*, quick: bool) -> dict[str, str]:
    """Measures, and gives each figure with what it is."""
    sizes = {"1 M": 10_000} if quick else {"0.1 M": 1_000, "1 M": 10_000, "10 M": 100_000}
    figures = {"machine": machine()}
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
                    f"{name}: {what}": told for what, told in _measured(url, extract, rows, runs).items()
                }
        finally:
            local.stop(home)
    return figures


def _measured(url: str, extract: Path, rows: int, runs: int) -> dict[str, str]:
    bare, first, again = [], [], []
    for run in range(1, runs + 1):
        # A name of its own: a process makes our tables once in each database that it knows.
        name = f"bench_{rows}_{run}"
        _administer(url, SQL("create database {} template template0").format(Identifier(name)))
        place = url.replace("/dynamics?", f"/{name}?")
        bare.append(_seconds(lambda place=place: _copied(place, extract)))
        with connect(place) as connection:
            ensure_schema(connection)
            for times in (first, again):
                times.append(_seconds(lambda connection=connection: load(connection, extract)))
        _administer(url, SQL("drop database {} with (force)").format(Identifier(name)))
        note(
            f"{rows:,} rows, run {run} of {runs}: bare {bare[-1]:.1f} s, load {first[-1]:.1f} s, again {again[-1]:.1f} s"
        )
    peer, own = middle(bare), middle(first)
    return {
        "transactions": f"{rows:,}; medians of {runs} runs",
        "psql \\copy into a bare table": f"{peer:.2f} s",
        "load": f"{own:.2f} s, {rows / own:,.0f} rows a second",
        "load / psql \\copy": f"{own / peer:.2f}",
        "the same again / psql \\copy": f"{middle(again) / peer:.2f}",
        "memory of the loading process": f"{resident_megabytes():.0f} MB",
    }


def _administer(url: str, statement: Composed) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(statement)


def _copied(url: str, extract: Path) -> None:
    copy = f"\\copy bare from '{extract / 'transactions.csv'}' (format csv, header)"
    command = [str(POSTGRES / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", _BARE, "-c", copy]
    subprocess.run(command, check=True, env=os.environ | {"PGTZ": "UTC"})  # noqa: S603 - our own words, and no shell


def _seconds(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    click.command()(click.option("--quick", is_flag=True)(lambda quick: click.echo(main(quick=quick))))()
