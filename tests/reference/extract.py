"""A billing extract in memory and as CSV files (definition: Source tables)."""

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
    """The five tables. Every datetime is aware, and an empty cell is None."""

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
    """Write one CSV file for each table into a folder, which is created if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, row_type in TABLES.items():
        columns = [field.name for field in fields(row_type)]
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in getattr(extract, table):
                writer.writerow([_format_value(getattr(row, column)) for column in columns])


def read_csv(folder: Path) -> Extract:
    """Read an extract from a folder (definition: Source tables)."""
    tables = {}
    for table, row_type in TABLES.items():
        readers = {field.name: _READERS[field.type] for field in fields(row_type)}
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            tables[table] = tuple(
                row_type(**{column: read(row[column]) for column, read in readers.items()})
                for row in csv.DictReader(file)
            )
    return Extract(**tables)


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _allow_empty(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda cell: read(cell) if cell else None


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    str | None: _allow_empty(str),
    datetime: datetime.fromisoformat,
    datetime | None: _allow_empty(datetime.fromisoformat),
    date: date.fromisoformat,
    Decimal: Decimal,
}
