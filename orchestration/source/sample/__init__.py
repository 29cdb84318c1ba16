"""`dynamics sample`: an extract that looks like a real one. The same arguments write the same bytes."""

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from orchestration.errors import RequestError
from orchestration.source.contract import TABLES, Table
from orchestration.source.files import Progress
from orchestration.source.sample.catalogue import PACKAGES
from orchestration.source.sample.life import LONGEST_BACK_DATING, transactions
from orchestration.source.sample.luck import Luck
from orchestration.source.sample.people import Client, customer, reseller, reseller_count
from orchestration.source.sample.rates import rates

_EARLIEST_YEAR = 1900
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """A written sample: where, how many rows of each table, and the time [start, until) that it tells of."""

    folder: Path
    rows: dict[str, int]
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
    """Writes the five CSV files of an extract in dollars as base currency (spec 1) into `folder`.

    It tells of `clients` clients in the `months` calendar months before `until` (aware; by default today's UTC midnight),
    with about four transactions a client and month, nothing at or after `until`. `progress` is told of clients, not of bytes.
    Raises RequestError for numbers that make no sample and a folder that cannot be written.
    """
    if clients < 1 or months < 1:
        raise RequestError(
            f"a sample of {clients} clients and {months} months is empty: give 1 or more of each"
        )
    if until and until.tzinfo is None:
        raise RequestError(
            f"until {until} has no offset from UTC: write it with one, such as {until.isoformat()}Z"
        )
    end = until.astimezone(UTC).replace(microsecond=0) if until else _today()
    starts = _month_starts(months, end)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            writers = {
                table.name: _Writer(stack.enter_context(_created(folder / f"{table.name}.csv")), table)
                for table in TABLES
            }
            _write_clients(writers, clients, [int(start.timestamp()) for start in starts], seed, progress)
            writers["packages"].rows((package_id, name) for package_id, name, _ in PACKAGES)
            earliest = starts[0] - timedelta(seconds=LONGEST_BACK_DATING)
            writers["exchange_rates"].rows(rates(earliest.date(), end.date(), seed))
    except OSError as error:
        raise RequestError(f"cannot write the sample to {folder}: {error.strerror}") from error
    return SampleSummary(folder, {name: writer.count for name, writer in writers.items()}, starts[0], end)


class _Writer:
    """A CSV file of one table, and how many rows it has."""

    def __init__(self, file: TextIO, table: Table) -> None:
        self._file, self.count = file, 0
        self._csv = csv.writer(file, lineterminator="\n")
        self._csv.writerow(table.column_names)

    def rows(self, rows: Iterable[Iterable[object]]) -> None:
        """Writes rows of values."""
        for row in rows:
            self._csv.writerow(row)
            self.count += 1

    def lines(self, lines: list[str]) -> None:
        """Writes rows that are CSV already."""
        self._file.writelines(lines)
        self.count += len(lines)


def _write_clients(
    writers: dict[str, _Writer], count: int, months: list[int], seed: int, progress: Progress | None
) -> None:
    resellers: list[Client] = []
    reseller_total = reseller_count(count)
    for number in range(count):
        if progress and number % _PROGRESS_EVERY == 0:
            progress("clients", number, count)
        luck = Luck(f"{seed} client {number}")
        if number < reseller_total:
            client = reseller(number, resellers, luck, months[0], months[-1])
            resellers.append(client)
        else:
            client = customer(number - reseller_total, resellers, luck, months[0], months[-1])
        writers["clients"].rows([client.row()])
        writers["client_tags"].rows((client.client_id, tag) for tag in client.tags)
        writers["transactions"].lines(transactions(client, months, luck))
    if progress:
        progress("clients", count, count)


def _created(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _month_starts(months: int, end: datetime) -> list[datetime]:
    """The start of the sample, the calendar months that begin in it, and its end."""
    index = end.year * 12 + end.month - 1
    if index - months < _EARLIEST_YEAR * 12:
        raise RequestError(
            f"{months} months before {end.date()} are too many: begin in {_EARLIEST_YEAR} or later"
        )
    firsts = [
        datetime((index - back) // 12, (index - back) % 12 + 1, 1, tzinfo=UTC)
        for back in range(months, -1, -1)
    ]
    start = firsts[0].replace(day=min(end.day, 28), hour=end.hour, minute=end.minute, second=end.second)
    return [start, *(first for first in firsts if start < first < end), end]
