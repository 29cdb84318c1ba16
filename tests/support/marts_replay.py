"""Marts for thousands of small extracts: dbt builds once, then its own SQL runs again for each extract.

dbt takes seconds to start; its statements take milliseconds. The statements are those that dbt compiled and ran, in
the order of its own graph.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from pathlib import Path

import psycopg
from extract import TABLES, Extract

from orchestration.builds import build_marts


class MartsReplay:
    """The marts of one database, rebuilt for any extract inside a transaction that the caller rolls back.

    `after_fill` is called with this object each time `fill` has put an extract into the marts: what is derived from the
    marts, such as the report store, is made there.
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
            "insert into billing.clients values ('c', 'C', 'client', null, 'USD', now(), now())"
        )
        connection.commit()
        self.build = build_marts(connection, state=state)
        assert self.build.is_full
        self._whole = [*_statements(connection, state / "target")]

    def fill(self, extract: Extract, as_of) -> None:
        """Replace the whole of `billing` by the extract, and the marts by what the models make of it."""
        empty_billing(self.connection)
        upsert(self.connection, extract)
        self.build_whole()
        self.connection.execute("update dynamics.builds set as_of = %s", [as_of])
        self.after_fill(self)

    def build_whole(self) -> None:
        """Fill the marts from all that is in `billing`, as a full build does."""
        for statement in self._whole:
            self.connection.execute(statement)


class IncrementalReplay(MartsReplay):
    """Marts that an incremental build can also bring up to date."""

    def __init__(self, connection: psycopg.Connection, state: Path) -> None:
        super().__init__(connection, state)
        connection.execute("update billing.clients set name = 'D'")
        connection.execute(
            "insert into billing.clients values ('d', 'D', 'client', null, 'USD', now(), now())"
        )
        connection.execute(
            "insert into billing.clients values ('e', 'E', 'client', null, 'USD', now(), now())"
        )
        build_marts(connection, state=state, full_refresh=True)
        connection.execute("update billing.clients set name = 'E' where client_id = 'c'")
        connection.commit()
        build = build_marts(connection, state=state)
        assert not build.is_full
        self._catch_up = [*_statements(connection, state / "target")]

    def catch_up(self) -> None:
        """Bring the marts up to date with the change log, as an incremental build does."""
        for statement in self._catch_up:
            self.connection.execute(statement)
        self.connection.execute("delete from dynamics.touched")

    def differences_from_full(self, models: tuple[str, ...]) -> dict[str, int]:
        """Return how many rows of each model differ from those of a full build, which replaces them."""
        for model in models:
            self.connection.execute(
                f"create temporary table kept_{model} as select * from {self.build.schema}.{model}"
            )
        self.build_whole()
        found = {
            model: count
            for model in models
            if (count := differing_rows(self.connection, f"kept_{model}", f"{self.build.schema}.{model}"))
        }
        for model in models:
            self.connection.execute(f"drop table kept_{model}")
        return found


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


def _statements(connection: psycopg.Connection, target: Path) -> Iterator[str]:
    """Yield the statements of the last build in `target`, so that each model is replaced or changed in place."""
    manifest = json.loads((target / "manifest.json").read_text())
    project = manifest["metadata"]["project_name"]
    for unique_id in _in_order(manifest):
        node = manifest["nodes"][unique_id]
        if node["config"]["materialized"] == "view":
            continue
        query = (target / "compiled" / project / node["original_file_path"]).read_text()
        ran = (target / "run" / project / node["original_file_path"]).read_text()
        temporary = re.search(rf'from "({node["name"]}__dbt_tmp\d+)"', ran)
        if temporary:
            yield f'create temporary table "{temporary[1]}" as {query}'
            yield from (part for part in ran.split(";") if part.strip())
            yield f'drop table "{temporary[1]}"'
            continue
        columns = [
            column
            for (column,) in connection.execute(
                "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
                [node["schema"], node["name"]],
            )
        ]
        names = ", ".join(columns)
        yield f"delete from {node['relation_name']}"
        yield f"insert into {node['relation_name']} ({names}) select {names} from ({query}) as model"


def _in_order(manifest: dict) -> list[str]:
    """Return the models so that each comes after those it reads."""
    models = [key for key in manifest["nodes"] if key.startswith("model.")]
    done: list[str] = []
    while len(done) < len(models):
        done += [
            key
            for key in models
            if key not in done
            and all(parent in done for parent in manifest["parent_map"][key] if parent.startswith("model."))
        ]
    return done
