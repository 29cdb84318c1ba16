"""Skewed data as the source contract has it: CSV files for the product, Parquet for its peers.

A few clients, owners, tags and packages have most of the transactions. Some transactions are
voided, some are dated before their client exists, and some are exactly at midnight. The seed
decides all of it. Amounts are integers of millionths until they are written as exact decimals.
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

from benchmarks import skewed_clients as base
from benchmarks.peers.duck import connect
from benchmarks.skewed_clients import DAY, SECOND, Clients, Rates
from benchmarks.skewed_numbers import RandomIntegers, lognormal_table, zipf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.skewed_numbers import Ints

KINDS = ("usage", "refill", "package_renewal", "package_activation", "transfer", "adjustment")
_KIND_WEIGHTS = (66, 17, 9, 4, 2, 2)
_PACKAGE_CHOICES = 6
"""The number of packages that a client chooses from; some can be the same."""
_CHUNK = 1_000_000
_ZONE_OFFSETS = (345, 330, 630, 660, -240, -300, 120, 180, 60, 540)
"""The offsets from UTC in minutes of zones with transactions exactly at midnight."""
_REFILLS = (5, 10, 10, 20, 20, 25, 50, 100)
_INSTANT = pa.timestamp("us", "UTC")
_MONEY = pa.decimal128(18, 6)
_RATE = pa.decimal128(18, 8)


@dataclass(frozen=True, slots=True)
class Transactions:
    """The transactions in the order of time.

    Instants are microseconds since 1970, and amounts are millionths.
    """

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
    """The rows of the five tables as numbers."""

    seed: int
    clients: Clients
    rates: Rates
    transactions: Transactions

    def digest(self) -> str:
        """Return a hash of all rows."""
        digest = hashlib.sha256()
        for part in (self.clients, self.rates, self.transactions):
            for field in fields(part):
                digest.update(np.ascontiguousarray(getattr(part, field.name)).tobytes())
        return digest.hexdigest()


def make_data(transactions: int, seed: int) -> SkewedData:
    """Make that many transactions, and clients in proportion."""
    rng = RandomIntegers(seed)
    clients = base.make_clients(transactions, rng)
    return SkewedData(seed, clients, base.make_rates(rng), _make_transactions(transactions, clients, rng))


def _make_transactions(count: int, clients: Clients, rng: RandomIntegers) -> Transactions:
    counts = _shares(clients.weights, count)
    by_client = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    at = _instants(by_client, clients, rng)
    kinds = rng.pick(_KIND_WEIGHTS, count).astype(np.int8)
    packages = _packages(by_client, kinds, len(counts), rng)
    amounts = _amounts(by_client, kinds, packages, clients, rng)
    voided = np.where(rng.chance(90, count), at + (1 + rng.below(864_000, count)) * SECOND, -1)
    order = np.argsort(at, kind="stable")
    return Transactions(
        by_client[order], at[order], kinds[order], amounts[order], packages[order], voided[order]
    )


def _shares(weights: Ints, count: int) -> Ints:
    """Return how many of `count` transactions each client has."""
    reached = np.cumsum(weights)
    ends = (reached.astype(object) * count // int(reached[-1])).astype(np.int64)
    return np.diff(ends, prepend=0)


def _instants(by_client: npt.NDArray[np.int32], clients: Clients, rng: RandomIntegers) -> Ints:
    """Spread the transactions over the lives of their clients.

    A few are before the creation of the client, at midnight, or after `AS_OF`.
    """
    count = len(by_client)
    created = clients.created[by_client]
    life = (base.microseconds(base.AS_OF) - created) // SECOND
    at = created + rng.below(life + 1, count) * SECOND + rng.below(SECOND, count)
    at = np.where(rng.chance(200, count), created - rng.below(20 * 86_400, count) * SECOND, at)
    at = np.where(rng.chance(1000, count), at // DAY * DAY, at)
    offsets = np.array(_ZONE_OFFSETS)[rng.below(len(_ZONE_OFFSETS), count)] * 60 * SECOND
    at = np.where(rng.chance(2000, count), (at + offsets) // DAY * DAY - offsets, at)
    return np.where(
        rng.chance(100_000, count), base.microseconds(base.AS_OF) + rng.below(DAY // 100, count), at
    )


def _packages(
    by_client: npt.NDArray[np.int32], kinds: npt.NDArray[np.int8], clients: int, rng: RandomIntegers
) -> npt.NDArray[np.int16]:
    """Choose a package for activations and renewals; one in 500 has none."""
    count = len(by_client)
    choices = rng.pick(zipf(base.PACKAGES), clients * _PACKAGE_CHOICES).reshape(clients, _PACKAGE_CHOICES)
    chosen = rng.below(1 + rng.below(_PACKAGE_CHOICES, clients)[by_client], count)
    packages = choices[by_client, chosen]
    has_package = np.isin(kinds, (2, 3)) & ~rng.chance(500, count)
    # Usage can have a package too. It still counts as usage.
    has_package |= (kinds == 0) & rng.chance(300, count)
    return np.where(has_package, packages, -1).astype(np.int16)


def _amounts(
    by_client: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.int8],
    packages: npt.NDArray[np.int16],
    clients: Clients,
    rng: RandomIntegers,
) -> Ints:
    """Return amounts in millionths.

    Charges are negative, except a few credits. Half of usage has six decimals.
    """
    count = len(by_client)
    usage = lognormal_table(1.4, 350)[rng.below(4096, count)] * (900 + rng.below(200, count))
    usage += rng.below(1000, count)
    usage = np.where(rng.chance(2, count), usage // 10_000 * 10_000, usage)
    usage *= np.where(rng.chance(200, count), 1, -1)
    refill_factor = lognormal_table(0.7, 35)[rng.below(4096, len(clients.types))][by_client]
    refill = np.array(_REFILLS)[rng.below(len(_REFILLS), count)] * refill_factor * 10_000
    fees = (np.arange(base.PACKAGES) * 7919 % 2900 + 99) * 10_000
    fee = np.where(rng.chance(150, count), 0, -fees[packages])
    moved = (rng.below(40_000_000, count) - 20_000_000) // 100 * 100
    amounts: Ints = np.choose(kinds, (usage, refill, fee, fee, moved, moved))
    units: Ints = np.array(base.UNITS)[clients.currencies][by_client]
    return amounts * units


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
        connection.register("rows", pa.RecordBatchReader.from_batches(first.schema, batches))
        target = str(folder / f"{name}.parquet").replace("'", "''")
        # DuckDB reads its own files of this version fastest.
        connection.execute(f"copy (from rows) to '{target}' (format parquet, parquet_version v2)")
        connection.unregister("rows")


def write_csv(data: SkewedData, folder: Path, *, with_closed: bool) -> None:
    """Write the tables as CSV files. `with_closed` includes the column `closed_at`."""
    options = pa.csv.WriteOptions(quoting_style="needed")
    for name, chunks in tables(data, with_closed=with_closed).items():
        with (folder / f"{name}.csv").open("wb") as file:
            for number, chunk in enumerate(chunks):
                written = chunk if with_closed or name != "clients" else chunk.drop_columns("closed_at")
                options.include_header = number == 0
                pa.csv.write_csv(_decode(written), file, options)


def _decode(table: pa.Table) -> pa.Table:
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
    ids = [base.client_id(number) for number in numbers]
    kinds = np.array(base.CLIENT_TYPES)[clients.types]
    return pa.table(
        {
            "client_id": ids,
            "name": [f"{kind} {number}" for kind, number in zip(kinds, numbers, strict=True)],
            "client_type": kinds,
            "owner_id": [None if owner < 0 else ids[owner] for owner in clients.owners],
            "currency": np.array(base.CURRENCIES)[clients.currencies],
            "created_at": pa.array(clients.created, _INSTANT),
            "updated_at": pa.array(clients.created, _INSTANT),
            "closed_at": pa.array(clients.closed, _INSTANT, mask=(clients.closed < 0) | (not with_closed)),
        }
    )


def _client_tags(clients: Clients) -> pa.Table:
    client_numbers, tag_numbers = np.nonzero(clients.tags)
    return pa.table(
        {
            "client_id": [base.client_id(int(number)) for number in client_numbers],
            "tag": [base.tag_name(int(number)) for number in tag_numbers],
        }
    )


def _package_table() -> pa.Table:
    numbers = range(base.PACKAGES)
    return pa.table(
        {
            "package_id": [base.package_id(number) for number in numbers],
            "name": [base.package_name(number) for number in numbers],
        }
    )


def _rates(rates: Rates) -> pa.Table:
    return pa.table(
        {
            "currency": np.array(base.CURRENCIES)[rates.currencies],
            "valid_from": pa.array(rates.days.astype(np.int32), pa.date32()),
            "rate": _decimals(rates.rates, _RATE),
        }
    )


def _transactions(data: SkewedData) -> Iterator[pa.Table]:
    rows = data.transactions
    clients = pa.array([base.client_id(number) for number in range(len(data.clients.types))])
    packages = pa.array([base.package_id(number) for number in range(base.PACKAGES)])
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
