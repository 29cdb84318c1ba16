"""Marts for thousands of small extracts: dbt builds once, then its SQL runs again for each.

dbt takes seconds to start; its statements take milliseconds. The statements are those that dbt
compiled and ran, in the order of its own graph.
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
"""The tables that last from build to build."""


class MartsReplay:
    """The marts of one database, rebuilt for any extract in a transaction that is rolled back.

    The marts begin with a full build of what `billing` holds, or of one client when it is empty.
    `after_fill` is called with this object each time `fill` has put an extract into the marts. What
    is derived from the marts, such as the report store, is made there.
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
        self._whole = [*_statements(connection, state, is_full=True)]

    def fill(self, extract: Extract, as_of) -> None:
        """Replace `billing` by the extract, and the marts by what the models make of it."""
        empty_billing(self.connection)
        upsert(self.connection, extract)
        self.build_whole()
        self.connection.execute("update dynamics.builds set as_of = %s", [as_of])
        self.after_fill(self)

    def build_whole(self) -> None:
        """Fill the marts from all that is in `billing`, as a full build does."""
        for statement in self._whole:
            self.connection.execute(statement)

    def differences_from_full(self) -> dict[str, int]:
        """Replace the marts by a full build and return how many rows of each model differ."""
        for model in MODELS:
            self.connection.execute(
                f"create temporary table kept_{model} as select * from {self.build.schema}.{model}"
            )
        self.build_whole()
        found = {
            model: count
            for model in MODELS
            if (count := differing_rows(self.connection, f"kept_{model}", f"{self.build.schema}.{model}"))
        }
        for model in MODELS:
            self.connection.execute(f"drop table kept_{model}")
        return found


class IncrementalReplay(MartsReplay):
    """Marts that an incremental build can also bring up to date."""

    def __init__(self, connection: psycopg.Connection, state: Path) -> None:
        super().__init__(connection, state)
        # Something of every kind changes, so that no model is skipped.
        connection.execute("insert into billing.packages values ('p', 'P')")
        connection.execute("insert into billing.exchange_rates values ('EUR', '2018-01-01', 1.25)")
        connection.execute("update billing.clients set name = 'D'")
        connection.commit()
        self.build = build_marts(connection, state=state)
        assert (self.build.is_full, self.build.skipped_models) == (False, frozenset())
        self._catch_up = [*_statements(connection, state, is_full=False)]

    def catch_up(self) -> None:
        """Bring the marts up to date with the change log, as an incremental build does."""
        for statement in self._catch_up:
            self.connection.execute(statement)
        self.connection.execute("delete from dynamics.touched")


def differing_rows(connection: psycopg.Connection, one: str, other: str) -> int:
    """Return how many rows only one of the two relations has."""
    [(count,)] = connection.execute(
        f"select count(*) from ((table {one} except all table {other}) union all (table {other} except all table {one}))"
        " as only_in_one"
    )
    return count


def empty_billing(connection: psycopg.Connection) -> None:
    for table in reversed(TABLES):
        connection.execute(f"delete from billing.{table}")


def upsert(connection: psycopg.Connection, extract: Extract) -> None:
    """Write an extract over what `billing` holds, as a load does; equal rows are not touched."""
    for table, row_type in TABLES.items():
        columns = [field.name for field in fields(row_type)]
        key = {"client_tags": 2, "exchange_rates": 2}.get(table, 1)
        rest = ", ".join(columns[key:])
        change = (
            f"update set ({rest}) = row ({', '.join(f'excluded.{name}' for name in columns[key:])})"
            f" where ({', '.join(f'known.{name}' for name in columns[key:])})"
            f" is distinct from ({', '.join(f'excluded.{name}' for name in columns[key:])})"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                f"insert into billing.{table} as known ({', '.join(columns)})"
                f" values ({', '.join(['%s'] * len(columns))})"
                f" on conflict ({', '.join(columns[:key])}) do {change if rest else 'nothing'}",
                [astuple(row) for row in getattr(extract, table)],
            )


def _statements(connection: psycopg.Connection, state: Path, *, is_full: bool) -> Iterator[str]:
    """Yield the statements of the last build in the order of the models, without views."""
    manifest = dbt_runner.parsed_project(connection.info.dbname, state)
    for node in _in_order(manifest):
        if node.config.materialized == "view":
            continue
        part = "compiled" if is_full else "run"
        text = (state / "target" / part / node.package_name / node.original_file_path).read_text()
        if is_full:
            names = ", ".join(node.columns)
            yield f"delete from {node.relation_name}"
            yield f"insert into {node.relation_name} ({names}) select {names} from ({text}) as model"
        else:
            yield text


def _in_order(manifest: Any) -> list[Any]:
    """Return the models so that each comes after those it reads."""
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
