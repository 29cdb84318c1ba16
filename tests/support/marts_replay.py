"""Marts for thousands of small extracts: dbt builds once, then its own compiled SQL is run again per extract.

dbt takes seconds to start; its statements take milliseconds. What runs here is what dbt ran, read from its own
record of the build, in the order of its own graph.
"""

import json
from dataclasses import astuple, fields
from pathlib import Path

import psycopg
from extract import TABLES, Extract

from orchestration.build import build_marts


class MartsReplay:
    """The marts of one database, rebuilt for any extract inside a transaction that the caller rolls back."""

    def __init__(self, connection: psycopg.Connection, state: Path) -> None:
        self.connection = connection
        connection.execute(
            "insert into billing.clients values ('c', 'C', 'client', null, 'USD', now(), now())"
        )
        connection.commit()
        self.build = build_marts(connection, state=state)
        self._statements = [*_statements(connection, state / "target")]

    def fill(self, extract: Extract, as_of) -> None:
        """Replaces the whole of `billing` by the extract and the marts by what the models make of it."""
        for table in reversed(TABLES):
            self.connection.execute(f"delete from billing.{table}")
        with self.connection.cursor() as cursor:
            for table, row_type in TABLES.items():
                columns = [field.name for field in fields(row_type)]
                cursor.executemany(
                    f"insert into billing.{table} ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})",
                    [astuple(row) for row in getattr(extract, table)],
                )
        for delete, insert in self._statements:
            self.connection.execute(delete)
            self.connection.execute(insert)
        self.connection.execute("update dynamics.builds set as_of = %s", [as_of])


def _statements(connection: psycopg.Connection, target: Path):
    manifest = json.loads((target / "manifest.json").read_text())
    compiled = {
        result["unique_id"]: result["compiled_code"]
        for result in json.loads((target / "run_results.json").read_text())["results"]
    }
    for unique_id in _in_order(manifest):
        node = manifest["nodes"][unique_id]
        if node["config"]["materialized"] != "table":
            continue
        columns = [
            column
            for (column,) in connection.execute(
                "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
                [node["schema"], node["name"]],
            )
        ]
        names = ", ".join(columns)
        text = compiled[unique_id].replace("%", "%%")
        yield (
            f"delete from {node['relation_name']}",
            f"insert into {node['relation_name']} ({names}) select {names} from ({text}) as model",
        )


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
