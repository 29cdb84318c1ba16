"""The skewed data in a home of the product and as Parquet files, made once and kept when BENCH_FOLDER names a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import home_in, note
from benchmarks.product import build_marts, database, knows_closed_clients, load_and_build
from benchmarks.skewed_clients import AS_OF
from benchmarks.skewed_data import make_data, write_csv, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class World:
    """A folder that holds the Parquet files, a home with loaded and built data, and the tables of the peer."""

    folder: Path
    transactions: int
    seed: int

    @property
    def parquet(self) -> Path:
        """The folder of the Parquet files."""
        return self.folder / "parquet"

    @property
    def home(self) -> Path:
        """The home of the product."""
        return self.folder / "home"


@contextmanager
def skewed_world(transactions: int, seed: int) -> Iterator[World]:
    """Give the data of that size and seed; the product's local services end with the block.

    The environment variable BENCH_FOLDER names a folder that keeps the data for later runs. Without it the
    data lives in a temporary folder.
    """
    kept = os.environ.get("BENCH_FOLDER")
    with tempfile.TemporaryDirectory(prefix="dynamics-bench-") as temporary:
        world = World(Path(kept or temporary) / f"{transactions}-{seed}", transactions, seed)
        world.home.mkdir(parents=True, exist_ok=True)
        with home_in(world.home):
            mark = world.home / "loaded"
            if not mark.exists() or mark.read_text() != _contents():
                _fill(world)
                mark.write_text(_contents())
            with database() as connection:
                build_marts(connection, state=world.home / "dbt")
            yield world


def _contents() -> str:
    """Return what the kept data holds beside its size and seed."""
    return "with closed clients" if knows_closed_clients() else "without closed clients"


def _fill(world: World) -> None:
    """Make the data, write it for the peers, load it into the product, and build the marts."""
    began = time.monotonic()
    shutil.rmtree(world.parquet, ignore_errors=True)
    world.parquet.mkdir()
    data = make_data(world.transactions, world.seed)
    with_closed = knows_closed_clients()
    write_parquet(data, world.parquet, with_closed=with_closed)
    note(
        f"{world.transactions:,} transactions: made and written as Parquet in {time.monotonic() - began:.0f} s"
    )
    extract = world.folder / "extract"
    extract.mkdir(exist_ok=True)
    write_csv(data, extract, with_closed=with_closed)
    del data
    began = time.monotonic()
    with database() as connection:
        load_and_build(connection, extract, world.home / "dbt", AS_OF)
    shutil.rmtree(extract)
    note(f"{world.transactions:,} transactions: loaded and built in {time.monotonic() - began:.0f} s")
