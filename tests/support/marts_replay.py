"""Marts for thousands of small extracts: dbt builds once, then its SQL runs again for each extract.

A start of dbt takes seconds, and its statements take milliseconds. The statements here are those
that dbt has compiled and run, in the order of its graph.
"""

from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import psycopg
from extract import TABLES, Extract

from orchestration.builds import build_marts, dbt_runner

MODELS = (
    "fct_clients",
    "dim_packages",
    "dim_exchange_rates",
    "fct_client_events",
    "mart_flows_daily",
    "mart_cohort_changes",
)
"""The tables that incremental builds change in place."""


class MartsReplay:
    """The marts of one database, which can be rebuilt for any extract.

    They begin with a full build of the rows in `billing`, or of one client if it is empty. After
    `fill` has put an extract into the marts, it calls `after_fill` with this object. A test can
    publish a report store there.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        state: Path,
        after_fill: Callable[["MartsReplay"], None] = lambda _: None,
    ) -> None:
        self.connection = connection
        self.after_fill = after_fill
        connection.execute(
            "insert into billing.clients select 'c', 'C', 'client', null, 'USD', now(), now()"
            " where not exists (select from billing.clients)"
        )
        connection.commit()
        self.build = build_marts(connection, state=state, full_refresh=True)
        self._full_statements = [*_read_statements(connection, state, is_full=True)]

    def fill(self, extract: Extract, as_of) -> None:
        """Replace the rows of `billing` by the extract, and build the marts from it."""
        empty_billing(self.connection)
        upsert(self.connection, extract)
        self.build_full()
        self.connection.execute("update dynamics.builds set as_of = %s", [as_of])
        self.after_fill(self)

    def build_full(self) -> None:
        """Fill the marts from all rows of `billing`, as a full build does."""
        for statement in self._full_statements:
            self.connection.execute(statement)

    def differences_from_full(self) -> dict[str, int]:
        """Replace the marts by a full build. Return the number of different rows per model."""
        for model in MODELS:
            self.connection.execute(
                f"create temporary table kept_{model} as select * from {self.build.schema}.{model}"
            )
        self.build_full()
        counts = {
            model: count_different_rows(self.connection, f"kept_{model}", f"{self.build.schema}.{model}")
            for model in MODELS
        }
        for model in MODELS:
            self.connection.execute(f"drop table kept_{model}")
        return {model: count for model, count in counts.items() if count}


class IncrementalReplay(MartsReplay):
    """Marts that can also follow the change log, as an incremental build does."""

    def __init__(self, connection: psycopg.Connection, state: Path) -> None:
        super().__init__(connection, state)
        # All kinds of rows change, so that dbt runs all models.
        connection.execute("insert into billing.packages values ('p', 'P')")
        connection.execute("insert into billing.exchange_rates values ('EUR', '2018-01-01', 1.25)")
        connection.execute("update billing.clients set name = 'D'")
        connection.commit()
        self.build = build_marts(connection, state=state)
        assert (self.build.is_full, self.build.skipped_models) == (False, frozenset())
        self._incremental_statements = [*_read_statements(connection, state, is_full=False)]

    def build_incrementally(self) -> None:
        """Apply the change log to the marts, as an incremental build does, and empty it."""
        for statement in self._incremental_statements:
            self.connection.execute(statement)
        self.connection.execute("delete from dynamics.change_log")


def count_different_rows(connection: psycopg.Connection, one: str, other: str) -> int:
    """Return the number of rows that only one of the two relations has."""
    [(count,)] = connection.execute(
        f"select count(*) from ((table {one} except all table {other}) union all (table {other} except all table {one}))"
        " as only_in_one"
    )
    return count


def empty_billing(connection: psycopg.Connection) -> None:
    """Delete all rows of `billing`."""
    for table in reversed(TABLES):
        connection.execute(f"delete from billing.{table}")


def upsert(connection: psycopg.Connection, extract: Extract) -> None:
    """Write an extract into `billing`, as a load does. Equal rows are not written."""
    for table, row_type in TABLES.items():
        columns = [field.name for field in fields(row_type)]
        key = {"client_tags": 2, "exchange_rates": 2}.get(table, 1)
        rest = ", ".join(columns[key:])
        change = (
            f"update set ({rest}) = row ({', '.join(f'excluded.{name}' for name in columns[key:])})"
            f" where ({', '.join(f'stored.{name}' for name in columns[key:])})"
            f" is distinct from ({', '.join(f'excluded.{name}' for name in columns[key:])})"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                f"insert into billing.{table} as stored ({', '.join(columns)})"
                f" values ({', '.join(['%s'] * len(columns))})"
                f" on conflict ({', '.join(columns[:key])}) do {change if rest else 'nothing'}",
                [astuple(row) for row in getattr(extract, table)],
            )


def _read_statements(connection: psycopg.Connection, state: Path, *, is_full: bool) -> Iterator[str]:
    """Yield the statements of the last build in the order of the models, without views."""
    manifest = dbt_runner.parse_project(connection.info.dbname, state)
    for node in _sort_models(manifest):
        if node.config.materialized == "view":
            continue
        folder = "compiled" if is_full else "run"
        path = state / "target" / folder / node.package_name / node.original_file_path
        assert path.is_file(), f"dbt has not written {path}: has an upgrade changed its target folder?"
        text = path.read_text()
        if is_full:
            names = ", ".join(node.columns)
            yield f"delete from {node.relation_name}"
            yield f"insert into {node.relation_name} ({names}) select {names} from ({text}) as model"
        else:
            yield text


def _sort_models(manifest: Any) -> list[Any]:
    """Return the models so that each model follows those that it reads."""
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    done: list[str] = []
    ordered = []
    while len(ordered) < len(models):
        for node in models:
            parents = {parent for parent in node.depends_on.nodes if parent.startswith("model.")}
            if node.unique_id not in done and parents <= {*done}:
                done.append(node.unique_id)
                ordered.append(node)
    return ordered
