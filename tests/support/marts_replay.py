"""Marts for thousands of small extracts: dbt builds once, then its own SQL is run again per extract.

dbt takes seconds to start; its statements take milliseconds. What runs here is what dbt ran, read from its own
record of the build, in the order of its own graph.
"""

import json
import re
from dataclasses import astuple, fields
from pathlib import Path

import psycopg
from extract import TABLES, Extract

from orchestration.build import build_marts
from orchestration.touched import mark_touched


class MartsReplay:
    """The marts of one database, rebuilt for any extract inside a transaction that the caller rolls back."""

    def __init__(self, connection: psycopg.Connection, state: Path) -> None:
        self.connection = connection
        connection.execute(
            "insert into billing.clients values ('c', 'C', 'client', null, 'USD', now(), now())"
        )
        connection.commit()
        self.build = build_marts(connection, state=state)
        self._whole = [*_statements(connection, self.build.target(state))]

    def fill(self, extract: Extract, as_of) -> None:
        """Replaces the whole of `billing` by the extract and the marts by what the models make of it."""
        empty_billing(self.connection)
        upsert(self.connection, extract)
        self.build_whole()
        self.connection.execute("update dynamics.builds set as_of = %s", [as_of])

    def build_whole(self) -> None:
        """The marts of all that is in `billing`."""
        for statement in self._whole:
            self.connection.execute(statement)


class IncrementalReplay(MartsReplay):
    """Marts that a build can also bring up to date: `catch_up` runs what dbt ran when it had a build to start from."""

    def __init__(self, connection: psycopg.Connection, state: Path) -> None:
        super().__init__(connection, state)
        self.other = build_marts(connection, state=state, full_refresh=True)
        self._whole_elsewhere = [*_statements(connection, self.other.target(state))]
        connection.execute("update billing.clients set name = 'D'")
        connection.commit()
        build = build_marts(connection, state=state)
        assert (build.schema, build.is_full) == (self.build.schema, False)
        self._catch_up = [*_statements(connection, build.target(state))]

    def catch_up(self) -> None:
        """What was touched since the marts were built, as `dynamics build` does it; one transaction has one mark."""
        mark_touched(self.connection, self.build.schema, "0")
        for statement in self._catch_up:
            self.connection.execute(statement)
        self.connection.execute("delete from dynamics.touched")

    def build_elsewhere(self) -> None:
        """The same marts made anew, in the other schema."""
        for statement in self._whole_elsewhere:
            self.connection.execute(statement)


def empty_billing(connection: psycopg.Connection) -> None:
    for table in reversed(TABLES):
        connection.execute(f"delete from billing.{table}")


def upsert(connection: psycopg.Connection, extract: Extract) -> None:
    """Writes an extract over what `billing` holds, as a load does; rows that are the same are not touched."""
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


def _statements(connection: psycopg.Connection, target: Path):
    manifest = json.loads((target / "manifest.json").read_text())
    compiled = {
        result["unique_id"]: result["compiled_code"]
        for result in json.loads((target / "run_results.json").read_text())["results"]
    }
    for unique_id in _in_order(manifest):
        node = manifest["nodes"][unique_id]
        if node["config"]["materialized"] == "view":
            continue
        query = compiled[unique_id]
        ran = (target / "run" / manifest["metadata"]["project_name"] / node["original_file_path"]).read_text()
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


def _in_order(manifest):
    """The models so that each comes after those it reads."""
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
