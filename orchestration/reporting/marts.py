"""Which build of the marts answers, held still while it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.errors import UndefinedColumn, UndefinedTable
from psycopg.rows import TupleRow

from orchestration.errors import DynamicsError

_CURRENT = """
    select build_id, marts_schema, as_of, base_currency from dynamics.builds
    where finished_at is not null
    order by build_id desc limit 1
"""


_FOR_REPORTS = {
    "work_mem": "64MB",
    "hash_mem_multiplier": "4",
    "jit": "off",
    "random_page_cost": "1.1",
    "plan_cache_mode": "force_custom_plan",
}
"""A report sorts its clients' states in memory; of sums by what tells months apart the planner expects a hundred times as many
as there are, and would rather sort the months; compiling a statement takes longer than running most of them; a few
clients are found by index, which the default, made for turning disks, thinks dearer than reading the whole table; and a
plan for any dates and packages, which Postgres tries once a statement has been prepared, can take fifty times as long as
one for those that are asked for."""


@dataclass(frozen=True, slots=True)
class Build:
    """One finished build of the marts: where it lies, and up to when its data is known."""

    build_id: int
    schema: str
    as_of: datetime
    base_currency: str
    """What amounts that the marts have converted are in."""


@contextmanager
def current_marts(connection: Connection[TupleRow]) -> Iterator[Build]:
    """A transaction on the current build, whose tables are found without their schema's name.

    The build's schema is locked against the next build's writers until the transaction ends, so that a
    report sees one build and never a mixture. Raises DynamicsError when nothing was ever built, and when what was
    built has not the tables that are asked for.
    """
    with connection.transaction():
        build = _current(connection)
        while True:
            connection.execute("select pg_advisory_xact_lock_shared(hashtext(%s))", [build.schema])
            latest = _current(connection)
            if latest == build:
                break
            build = latest
        connection.execute("select set_config('search_path', %s, true)", [build.schema])
        for name, value in _FOR_REPORTS.items():
            connection.execute("select set_config(%s, %s, true)", [name, value])
        try:
            yield build
        except (UndefinedTable, UndefinedColumn) as problem:
            raise DynamicsError(
                "the marts were built by another version of this program: run `dynamics build`"
            ) from problem


def _current(connection: Connection[TupleRow]) -> Build:
    row = connection.execute(_CURRENT).fetchone()
    if row is None:
        raise DynamicsError(
            "there are no marts yet: load an extract with `dynamics load DIR`, then run `dynamics build`"
        )
    return Build(*row)
