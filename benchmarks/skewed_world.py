"""The skewed data in a home of the product and as Parquet files."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import log_progress, use_home
from benchmarks.product import build_marts, database, has_closed_clients, load_and_build
from benchmarks.skewed_clients import AS_OF
from benchmarks.skewed_data import make_data, write_csv, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

_MAKE_CORRECTED = """
    create schema if not exists bench;
    create table if not exists bench.corrected (
        transaction_id text, amount numeric(20, 6), updated_at timestamptz, is_done boolean
    )
"""
_REMEMBER = """
    insert into bench.corrected
    select transaction_id, amount, updated_at, false from billing.transactions
    where transaction_id >= %s and voided_at is null order by transaction_id limit 1
"""
_CORRECT = """
    with taken as (update bench.corrected set is_done = true where not is_done returning transaction_id)
    update billing.transactions as t set amount = amount - 0.01, updated_at = now()
    from taken where taken.transaction_id = t.transaction_id
"""
_UNDO = """
    update billing.transactions as t set amount = first.amount, updated_at = first.updated_at
    from (
        select distinct on (transaction_id) transaction_id, amount, updated_at from bench.corrected
        order by transaction_id, updated_at
    ) as first
    where first.transaction_id = t.transaction_id
"""


@dataclass(frozen=True, slots=True)
class World:
    """A folder with the Parquet files, a home with built marts, and the tables of the peer."""

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
    """Yield the data of that size and seed. The local services end with the block.

    The environment variable BENCH_FOLDER names a folder that keeps the data for later runs. Without
    it the data is in a temporary folder.
    """
    folder = os.environ.get("BENCH_FOLDER")
    with tempfile.TemporaryDirectory(prefix="dynamics-bench-") as temporary:
        world = World(Path(folder or temporary) / f"{transactions}-{seed}", transactions, seed)
        world.home.mkdir(parents=True, exist_ok=True)
        with use_home(world.home):
            mark = world.home / "loaded"
            if not mark.exists() or mark.read_text() != _contents():
                _fill(world)
                mark.write_text(_contents())
            undo_corrections(world)
            yield world


def correct_transaction(connection: Connection[Any], after: str) -> None:
    """Subtract a cent from the first valid transaction from that id on, and remember its amount."""
    connection.execute(_MAKE_CORRECTED)
    connection.execute(_REMEMBER, [after])
    connection.execute(_CORRECT)
    connection.commit()


def undo_corrections(world: World) -> None:
    """Restore all corrected transactions and build the marts.

    This includes the corrections of an interrupted benchmark.
    """
    with database() as connection:
        connection.execute(_MAKE_CORRECTED)
        connection.execute(_UNDO)
        connection.execute("truncate bench.corrected")
        connection.commit()
        build_marts(connection, state=world.home / "dbt")


def _contents() -> str:
    """Return the property of the data that its size and seed do not tell."""
    return "with closed clients" if has_closed_clients() else "without closed clients"


def _fill(world: World) -> None:
    """Make the data, write it for the peers, load it into the product, and build the marts."""
    began = time.monotonic()
    shutil.rmtree(world.parquet, ignore_errors=True)
    world.parquet.mkdir()
    data = make_data(world.transactions, world.seed)
    with_closed = has_closed_clients()
    write_parquet(data, world.parquet, with_closed=with_closed)
    log_progress(
        f"{world.transactions:,} transactions: written as Parquet in {time.monotonic() - began:.0f} s"
    )
    extract = world.folder / "extract"
    extract.mkdir(exist_ok=True)
    write_csv(data, extract, with_closed=with_closed)
    del data
    began = time.monotonic()
    with database() as connection:
        load_and_build(connection, extract, world.home / "dbt", AS_OF)
    shutil.rmtree(extract)
    log_progress(f"{world.transactions:,} transactions: loaded and built in {time.monotonic() - began:.0f} s")
