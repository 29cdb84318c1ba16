"""Writes a sample extract that looks like a real one (`dynamics sample`).

The same arguments write the same bytes.
"""

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from orchestration.errors import RequestError
from orchestration.progress import Progress
from orchestration.source.contract import TABLES, Table
from orchestration.source.sample.clients import Client, count_resellers, make_client, make_reseller
from orchestration.source.sample.random_numbers import RandomNumbers
from orchestration.source.sample.rates import generate_rates
from orchestration.source.sample.seed_data import PACKAGES
from orchestration.source.sample.simulation import MAX_BACK_DATING, simulate_transactions

_EARLIEST_YEAR = 1900
_PROGRESS_INTERVAL = 500


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """A written sample. Its data covers the time from `start` to before `until`."""

    folder: Path
    rows: dict[str, int]
    """The number of rows of each table."""
    start: datetime
    until: datetime


def write_sample(
    folder: Path,
    *,
    clients: int = 1_000,
    months: int = 24,
    seed: int = 1,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> SampleSummary:
    """Write the five CSV files of an extract into `folder` (definition: Source tables).

    The sample has `clients` clients and covers the `months` calendar months before `until` (aware,
    by default today's midnight in UTC), with about four transactions per client and month. The base
    currency is the dollar. `progress` counts clients. Raise RequestError when the numbers give no
    sample, or when the folder cannot be written.
    """
    if clients < 1 or months < 1:
        raise RequestError(
            f"a sample of {clients} clients and {months} months is empty. Use 1 or more of each"
        )
    if until and until.tzinfo is None:
        raise RequestError(
            f"until {until} has no offset from UTC. Write it with one, such as {until.isoformat()}Z"
        )
    end = until.astimezone(UTC).replace(microsecond=0) if until else _start_of_today()
    starts = _list_month_starts(months, end)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            writers = {
                table.name: _CsvWriter(stack.enter_context(_create(folder / f"{table.name}.csv")), table)
                for table in TABLES
            }
            _write_clients(writers, clients, [int(start.timestamp()) for start in starts], seed, progress)
            writers["packages"].write_rows((package_id, name) for package_id, name, _ in PACKAGES)
            earliest = starts[0] - timedelta(seconds=MAX_BACK_DATING)
            writers["exchange_rates"].write_rows(generate_rates(earliest.date(), end.date(), seed))
    except OSError as error:
        raise RequestError(f"cannot write the sample to {folder}: {error.strerror}") from error
    return SampleSummary(folder, {name: writer.count for name, writer in writers.items()}, starts[0], end)


class _CsvWriter:
    """A writer of one table's CSV file. It counts the rows."""

    def __init__(self, file: TextIO, table: Table) -> None:
        self._file, self.count = file, 0
        self._csv = csv.writer(file, lineterminator="\n")
        self._csv.writerow(table.column_names)

    def write_rows(self, rows: Iterable[Iterable[object]]) -> None:
        """Write rows of values."""
        for row in rows:
            self._csv.writerow(row)
            self.count += 1

    def write_lines(self, lines: list[str]) -> None:
        """Write rows that already are lines of CSV."""
        self._file.writelines(lines)
        self.count += len(lines)


def _write_clients(
    writers: dict[str, _CsvWriter], count: int, months: list[int], seed: int, progress: Progress | None
) -> None:
    resellers: list[Client] = []
    reseller_total = count_resellers(count)
    for number in range(count):
        if progress and number % _PROGRESS_INTERVAL == 0:
            progress("clients", number, count)
        rng = RandomNumbers(f"{seed} client {number}")
        if number < reseller_total:
            client = make_reseller(number, resellers, rng, months[0], months[-1])
            resellers.append(client)
        else:
            client = make_client(number - reseller_total, resellers, rng, months[0], months[-1])
        writers["clients"].write_rows([client.row()])
        writers["client_tags"].write_rows((client.client_id, tag) for tag in client.tags)
        writers["transactions"].write_lines(simulate_transactions(client, months, rng))
    if progress:
        progress("clients", count, count)


def _create(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


def _start_of_today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _list_month_starts(months: int, end: datetime) -> list[datetime]:
    """Return the start of the sample, the starts of the calendar months in it, and its end."""
    index = end.year * 12 + end.month - 1
    if index - months < _EARLIEST_YEAR * 12:
        raise RequestError(
            f"{months} months before {end.date()} are too many. Begin in {_EARLIEST_YEAR} or later"
        )
    firsts = [
        datetime((index - back) // 12, (index - back) % 12 + 1, 1, tzinfo=UTC)
        for back in range(months, -1, -1)
    ]
    start = firsts[0].replace(day=min(end.day, 28), hour=end.hour, minute=end.minute, second=end.second)
    return [start, *(first for first in firsts if start < first < end), end]
