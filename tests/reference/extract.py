"""A billing extract in memory: the five tables of spec 1, and the same as CSV files."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Client:
    client_id: str
    name: str
    client_type: str
    owner_id: str | None
    currency: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Tag:
    client_id: str
    tag: str


@dataclass(frozen=True)
class Package:
    package_id: str
    name: str


@dataclass(frozen=True)
class Transaction:
    transaction_id: str
    client_id: str
    occurred_at: datetime
    kind: str
    amount: Decimal
    package_id: str | None
    updated_at: datetime
    voided_at: datetime | None


@dataclass(frozen=True)
class Rate:
    currency: str
    valid_from: date
    rate: Decimal


@dataclass(frozen=True)
class Extract:
    """All five tables, each a tuple of rows; every datetime is aware, an empty cell is None."""

    clients: tuple[Client, ...] = ()
    client_tags: tuple[Tag, ...] = ()
    packages: tuple[Package, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    exchange_rates: tuple[Rate, ...] = ()


TABLES: dict[str, type] = {
    "clients": Client,
    "client_tags": Tag,
    "packages": Package,
    "transactions": Transaction,
    "exchange_rates": Rate,
}


def write_csv(extract: Extract, folder: Path) -> None:
    """Write one CSV file a table into the folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, row_type in TABLES.items():
        columns = [field.name for field in fields(row_type)]
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in getattr(extract, table):
                writer.writerow([_written(getattr(row, column)) for column in columns])


def read_csv(folder: Path) -> Extract:
    """Read what `write_csv` wrote, or any extract that keeps the contract of spec 1."""
    tables = {}
    for table, row_type in TABLES.items():
        readers = {field.name: _READERS[field.type] for field in fields(row_type)}
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            tables[table] = tuple(
                row_type(**{column: read(row[column]) for column, read in readers.items()})
                for row in csv.DictReader(file)
            )
    return Extract(**tables)


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda cell: read(cell) if cell else None


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    str | None: _or_none(str),
    datetime: datetime.fromisoformat,
    datetime | None: _or_none(datetime.fromisoformat),
    date: date.fromisoformat,
    Decimal: Decimal,
}
