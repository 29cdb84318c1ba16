"""A question as the peers need it: its periods, its groups, and the table that finds periods."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.peers.duck import create_table
from benchmarks.question_periods import Periods, periods_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

    from benchmarks.random_questions import Question

NO_PACKAGE = "No package"


@dataclass(frozen=True, slots=True)
class PeerQuery:
    """A question with its periods and its groups. Groups are numbered from 0."""

    question: Question
    periods: Periods
    labels: tuple[str, ...]
    """The names of the groups."""
    chosen: dict[str, int]
    """The number of the group that the holders of each package belong to."""
    with_rest: bool
    """True if the last group has the clients that hold no package."""

    @property
    def group_count(self) -> int:
        """The number of groups."""
        return len(self.labels)

    @property
    def everyone(self) -> bool:
        """True if the only group has all clients in scope."""
        return not self.chosen

    @property
    def subtracted(self) -> int:
        """The number of one more group: the holders of any package, to subtract from the last."""
        return self.group_count


def make_peer_query(question: Question, packages: Sequence[tuple[str, str]], as_of: datetime) -> PeerQuery:
    """Resolve the question. `packages` are ids and names, and the data is known up to `as_of`."""
    wanted = [row for row in packages if not question.packages or row[0] in question.packages]
    ordered = sorted(wanted, key=lambda row: (row[1], row[0]))
    with_rest = question.by_package and not question.packages
    if question.by_package:
        chosen = {package: group_number for group_number, (package, _) in enumerate(ordered)}
        labels = tuple(name for _, name in ordered)
    else:
        chosen = dict.fromkeys(question.packages, 0)
        labels = ("",)
    return PeerQuery(
        question=question,
        periods=periods_of(question, as_of),
        labels=(*labels, NO_PACKAGE) if with_rest else labels,
        chosen=chosen,
        with_rest=with_rest,
    )


@dataclass(frozen=True, slots=True)
class PeriodTable:
    """A table of equal steps of time that gives the period of an instant.

    All boundaries after the end of the first period are on a step. The table is called `name` and
    has the columns step, n (the period), since (the start of the active window) and ends.
    """

    name: str
    boundaries: list[int]
    since: list[int]
    step: int = field(init=False)

    def __post_init__(self) -> None:
        first, *inner = self.boundaries[1:]
        object.__setattr__(self, "step", gcd(*(boundary - first for boundary in inner[:-1])) or 2**62)

    @property
    def count(self) -> int:
        """The number of periods."""
        return len(self.since)

    def step_of(self, instant: str) -> str:
        """Return SQL for the step of an instant before the last end."""
        first_end = self.boundaries[1]
        if self.count == 1:
            return "-1"
        return f"case when {instant} < {first_end} then -1 else ({instant} - {first_end}) // {self.step} end"

    def create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create the table of steps."""
        first_end = self.boundaries[1]
        starts = np.array(self.boundaries[1:-1], dtype=np.int64)
        steps = [-1, *((starts - first_end) // self.step)]
        last = (self.boundaries[-1] - 1 - first_end) // self.step if self.count > 1 else -1
        numbers = np.repeat(np.arange(self.count), np.diff([*steps, last + 1]))
        table = pa.table(
            {
                "step": np.arange(-1, last + 1, dtype=np.int64),
                "n": numbers.astype(np.int32),
                "since": np.array(self.since, dtype=np.int64)[numbers],
                "ends": np.array(self.boundaries[1:], dtype=np.int64)[numbers],
            }
        )
        create_table(connection, self.name, table)
