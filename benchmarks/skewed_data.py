"""Skewed data in the form of the source contract: CSV files for the product, the same rows as Parquet for its peers.

A few clients, owners, tags and packages have most of the transactions. Some transactions are voided, some are
back-dated before their client exists, some lie exactly at midnights. All of it follows from the seed. Amounts are
integers of millionths until they are written as exact decimals.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from benchmarks import skewed_clients as small
from benchmarks.peers.duck import connect
from benchmarks.skewed_clients import DAY, SECOND, Clients, Rates
from benchmarks.skewed_numbers import Dice, lognormal_table, zipf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.skewed_numbers import Ints

KINDS = ("usage", "refill", "package_renewal", "package_activation", "transfer", "adjustment")
_KIND_WEIGHTS = (66, 17, 9, 4, 2, 2)
_SLOTS = 6
"""A client takes its packages from so many, some of them the same."""
_CHUNK = 1_000_000
_ZONE_OFFSETS = (345, 330, 630, 660, -240, -300, 120, 180, 60, 540)
"""Minutes east of UTC of the zones whose midnights some transactions meet."""
_REFILLS = (5, 10, 10, 20, 20, 25, 50, 100)
_INSTANT = pa.timestamp("us", "UTC")
_MONEY = pa.decimal128(18, 6)
_RATE = pa.decimal128(18, 8)


@dataclass(frozen=True, slots=True)
class Transactions:
    """A row a transaction, in the order of time. Instants are microseconds since 1970, amounts are millionths."""

    clients: npt.NDArray[np.int32]
    at: Ints
    kinds: npt.NDArray[np.int8]
    amounts: Ints
    packages: npt.NDArray[np.int16]
    """-1 is none."""
    voided: Ints
    """-1 is in force."""


@dataclass(frozen=True, slots=True)
class SkewedData:
    """All rows of the five tables as numbers."""

    seed: int
    clients: Clients
    rates: Rates
    transactions: Transactions

    def digest(self) -> str:
        """Return a hash of all rows."""
        found = hashlib.sha256()
        for part in (self.clients, self.rates, self.transactions):
            for field in fields(part):
                found.update(np.ascontiguousarray(getattr(part, field.name)).tobytes())
        return found.hexdigest()


def make_data(transactions: int, seed: int) -> SkewedData:
    """Make so many transactions, and clients in proportion."""
    dice = Dice(seed)
    clients = small.make_clients(transactions, dice)
    return SkewedData(seed, clients, small.make_rates(dice), _make_transactions(transactions, clients, dice))


def _make_transactions(count: int, clients: Clients, dice: Dice) -> Transactions:
    counts = _shares(clients.weights, count)
    by_client = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    at = _instants(by_client, clients, dice)
    kinds = dice.pick(_KIND_WEIGHTS, count).astype(np.int8)
    packages = _packages(by_client, kinds, len(counts), dice)
    amounts = _amounts(by_client, kinds, packages, clients, dice)
    voided = np.where(dice.chance(90, count), at + (1 + dice.below(864_000, count)) * SECOND, -1)
    order = np.argsort(at, kind="stable")
    return Transactions(
        by_client[order], at[order], kinds[order], amounts[order], packages[order], voided[order]
    )


def _shares(weights: Ints, count: int) -> Ints:
    """Return how many of `count` transactions each client has."""
    reached = np.cumsum(weights)
    ends = (reached.astype(object) * count // int(reached[-1])).astype(np.int64)
    return np.diff(ends, prepend=0)


def _instants(by_client: npt.NDArray[np.int32], clients: Clients, dice: Dice) -> Ints:
    """Spread the transactions over the lives of their clients; a few are back-dated, at midnights, or after `AS_OF`."""
    count = len(by_client)
    created = clients.created[by_client]
    life = (small.microseconds(small.AS_OF) - created) // SECOND
    at = created + dice.below(life + 1, count) * SECOND + dice.below(SECOND, count)
    at = np.where(dice.chance(200, count), created - dice.below(20 * 86_400, count) * SECOND, at)
    at = np.where(dice.chance(1000, count), at // DAY * DAY, at)
    offsets = np.array(_ZONE_OFFSETS)[dice.below(len(_ZONE_OFFSETS), count)] * 60 * SECOND
    at = np.where(dice.chance(2000, count), (at + offsets) // DAY * DAY - offsets, at)
    return np.where(
        dice.chance(100_000, count), small.microseconds(small.AS_OF) + dice.below(DAY // 100, count), at
    )


def _packages(
    by_client: npt.NDArray[np.int32], kinds: npt.NDArray[np.int8], clients: int, dice: Dice
) -> npt.NDArray[np.int16]:
    """Take the packages of activations and renewals from the few of each client; one in 500 names none."""
    count = len(by_client)
    slots = dice.pick(zipf(small.PACKAGES), clients * _SLOTS).reshape(clients, _SLOTS)
    chosen = dice.below(1 + dice.below(_SLOTS, clients)[by_client], count)
    packages = slots[by_client, chosen]
    has_package = np.isin(kinds, (2, 3)) & ~dice.chance(500, count)
    # Usage can name a package too: it counts as usage all the same.
    has_package |= (kinds == 0) & dice.chance(300, count)
    return np.where(has_package, packages, -1).astype(np.int16)


def _amounts(
    by_client: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.int8],
    packages: npt.NDArray[np.int16],
    clients: Clients,
    dice: Dice,
) -> Ints:
    """Return amounts in millionths: charges are negative but for a few credits, half of usage has six decimals."""
    count = len(by_client)
    usage = lognormal_table(1.4, 350)[dice.below(4096, count)] * (900 + dice.below(200, count))
    usage += dice.below(1000, count)
    usage = np.where(dice.chance(2, count), usage // 10_000 * 10_000, usage)
    usage *= np.where(dice.chance(200, count), 1, -1)
    generosity = lognormal_table(0.7, 35)[dice.below(4096, len(clients.types))][by_client]
    refill = np.array(_REFILLS)[dice.below(len(_REFILLS), count)] * generosity * 10_000
    fees = (np.arange(small.PACKAGES) * 7919 % 2900 + 99) * 10_000
    fee = np.where(dice.chance(150, count), 0, -fees[packages])
    moved = (dice.below(40_000_000, count) - 20_000_000) // 100 * 100
    amounts = np.choose(kinds, (usage, refill, fee, fee, moved, moved))
    return amounts * np.array(small.UNITS)[clients.currencies][by_client]


def tables(data: SkewedData, *, with_closed: bool) -> dict[str, Iterator[pa.Table]]:
    """Return the five tables of the contract by name, each in chunks."""
    return {
        "clients": iter([_clients(data.clients, with_closed=with_closed)]),
        "client_tags": iter([_client_tags(data.clients)]),
        "packages": iter([_package_table()]),
        "transactions": _transactions(data),
        "exchange_rates": iter([_rates(data.rates)]),
    }


def write_parquet(data: SkewedData, folder: Path, *, with_closed: bool) -> None:
    """Write the tables as Parquet files, with the transactions in the order of time.

    Without `with_closed` no client is closed.
    """
    connection = connect()
    for name, chunks in tables(data, with_closed=with_closed).items():
        first = next(chunks)
        batches = (batch for chunk in chain([first], chunks) for batch in chunk.to_batches())
        connection.register("given", pa.RecordBatchReader.from_batches(first.schema, batches))
        target = str(folder / f"{name}.parquet").replace("'", "''")
        # DuckDB reads its own files of this version fastest.
        connection.execute(f"copy (from given) to '{target}' (format parquet, parquet_version v2)")
        connection.unregister("given")


def write_csv(data: SkewedData, folder: Path, *, with_closed: bool) -> None:
    """Write the tables as CSV files. `with_closed` writes the optional column `closed_at` of the clients."""
    options = pa.csv.WriteOptions(quoting_style="needed")
    for name, chunks in tables(data, with_closed=with_closed).items():
        with (folder / f"{name}.csv").open("wb") as file:
            for number, chunk in enumerate(chunks):
                written = chunk if with_closed or name != "clients" else chunk.drop_columns("closed_at")
                options.include_header = number == 0
                pa.csv.write_csv(_decoded(written), file, options)


def _decoded(table: pa.Table) -> pa.Table:
    """Return the table with plain texts instead of dictionaries and decimals."""
    columns = [
        pc.cast(column, pa.string())
        if pa.types.is_dictionary(column.type) or pa.types.is_decimal(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _clients(clients: Clients, *, with_closed: bool) -> pa.Table:
    numbers = range(len(clients.types))
    ids = [small.client_id(number) for number in numbers]
    kinds = np.array(small.CLIENT_TYPES)[clients.types]
    return pa.table(
        {
            "client_id": ids,
            "name": [f"{kind} {number}" for kind, number in zip(kinds, numbers, strict=True)],
            "client_type": kinds,
            "owner_id": [None if owner < 0 else ids[owner] for owner in clients.owners],
            "currency": np.array(small.CURRENCIES)[clients.currencies],
            "created_at": pa.array(clients.created, _INSTANT),
            "updated_at": pa.array(clients.created, _INSTANT),
            "closed_at": pa.array(clients.closed, _INSTANT, mask=(clients.closed < 0) | (not with_closed)),
        }
    )


def _client_tags(clients: Clients) -> pa.Table:
    who, which = np.nonzero(clients.tags)
    return pa.table(
        {
            "client_id": [small.client_id(number) for number in who],
            "tag": [small.tag_name(number) for number in which],
        }
    )


def _package_table() -> pa.Table:
    numbers = range(small.PACKAGES)
    return pa.table(
        {
            "package_id": [small.package_id(number) for number in numbers],
            "name": [small.package_name(number) for number in numbers],
        }
    )


def _rates(rates: Rates) -> pa.Table:
    return pa.table(
        {
            "currency": np.array(small.CURRENCIES)[rates.currencies],
            "valid_from": pa.array(rates.days.astype(np.int32), pa.date32()),
            "rate": _decimals(rates.rates, _RATE),
        }
    )


def _transactions(data: SkewedData) -> Iterator[pa.Table]:
    rows = data.transactions
    clients = pa.array([small.client_id(number) for number in range(len(data.clients.types))])
    packages = pa.array([small.package_id(number) for number in range(small.PACKAGES)])
    for first in range(0, len(rows.at), _CHUNK):
        part = slice(first, first + _CHUNK)
        at, voided, chosen = rows.at[part], rows.voided[part], rows.packages[part]
        numbers = pc.utf8_lpad(pc.cast(pa.array(np.arange(first, first + len(at))), pa.string()), 9, "0")
        yield pa.table(
            {
                "transaction_id": pc.binary_join_element_wise("T", numbers, ""),
                "client_id": pa.DictionaryArray.from_arrays(pa.array(rows.clients[part]), clients),
                "occurred_at": pa.array(at, _INSTANT),
                "kind": pa.DictionaryArray.from_arrays(pa.array(rows.kinds[part]), pa.array(KINDS)),
                "amount": _decimals(rows.amounts[part], _MONEY),
                "package_id": pa.DictionaryArray.from_arrays(pa.array(chosen, mask=chosen < 0), packages),
                "updated_at": pa.array(np.maximum(at, voided), _INSTANT),
                "voided_at": pa.array(voided, _INSTANT, mask=voided < 0),
            }
        )


def _decimals(units: Ints, kind: pa.Decimal128Type) -> pa.Array:
    """Return integers of a decimal's smallest unit as that decimal, bit for bit."""
    words = np.stack([units, units >> 63], axis=1)
    return pa.Array.from_buffers(kind, len(units), [None, pa.py_buffer(np.ascontiguousarray(words))])
