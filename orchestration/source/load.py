"""`dynamics load`: an extract into the schema `billing`, all of it or nothing."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.errors import RequestError
from orchestration.source.contract import Table
from orchestration.source.files import Progress, find_files
from orchestration.source.schema import SOURCE_LOCK
from orchestration.source.staging import check, stage


class Changes(NamedTuple):
    """What a load did to one table, in rows. Only tags are ever deleted; rows that say the same are not counted."""

    inserted: int
    updated: int
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """A finished load: its row in `dynamics.loads`, and what it did to each table that the extract held."""

    load_id: int
    as_of: datetime
    """Up to when the data is known (spec 3), aware."""
    tables: dict[str, Changes]


def load(
    connection: psycopg.Connection[Any],
    folder: Path,
    *,
    as_of: datetime | None = None,
    base_currency: str = "USD",
    progress: Progress | None = None,
) -> LoadSummary:
    """Loads the extract in `folder` (spec 1) into `billing`, upserting by key; a table without a file stays as it is.

    `as_of` (aware) is up to when the extract knows, by default now. The tags of each client that the extract names
    become those that it gives, when it has a file of tags. One transaction: committed when `connection` was idle, otherwise
    a part of its transaction. Waits for other loads and builds.
    Raises RequestError that shows file, line, column and value of the first row that breaks the contract.
    """
    if as_of and as_of.tzinfo is None:
        raise RequestError(
            f"as_of {as_of} has no offset from UTC: write it with one, such as {as_of.isoformat()}Z"
        )
    files = find_files(folder)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [SOURCE_LOCK])
        # Millions of keys are sorted and joined once: memory that the session keeps no longer than this transaction.
        connection.execute("set local work_mem = '256MB'")
        tables: dict[str, Changes] = {}
        for file in files:
            stage(connection, file, progress)
            check(connection, file, base_currency)
            tables[file.table.name] = _upsert(connection, file.table)
            if file.table.name == "client_tags":
                deleted = _delete_other_tags(connection, with_clients="clients" in tables)
                tables["client_tags"] = tables["client_tags"]._replace(deleted=deleted)
        for table in tables:
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier("pg_temp", table)))
        return _enter(connection, folder.resolve().name, as_of, tables)


def _upsert(connection: psycopg.Connection[Any], table: Table) -> Changes:
    """Inserts the staged rows that are new and updates those that differ; the others are not touched."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    rest = [name for name in table.column_names if name not in table.key]
    values = (sql.SQL("{}::" + column.type).format(sql.Identifier(column.name)) for column in table.columns)
    on_conflict: sql.Composable = sql.SQL("nothing")
    if rest:
        on_conflict = sql.SQL(
            "update set ({columns}) = row ({new}) where ({old}) is distinct from ({new})"
        ).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, rest)),
            old=sql.SQL(", ").join(sql.Identifier("known", name) for name in rest),
            new=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in rest),
        )
    # A row that was there before carries the transaction that locked it for its update in xmax; a new one has none.
    query = sql.SQL(
        "with changed as (insert into {target} as known ({columns}) select {values} from {staged}"
        " on conflict ({key}) do {on_conflict} returning known.xmax = 0 as is_new)"
        " select count(*) filter (where is_new), count(*) filter (where not is_new) from changed"
    ).format(
        target=sql.Identifier("billing", table.name),
        columns=columns,
        values=sql.SQL(", ").join(values),
        staged=sql.Identifier("pg_temp", table.name),
        key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
        on_conflict=on_conflict,
    )
    inserted, updated = connection.execute(query).fetchone() or (0, 0)
    return Changes(inserted, updated)


def _delete_other_tags(connection: psycopg.Connection[Any], *, with_clients: bool) -> int:
    """Takes from the clients that this extract names (in its file of clients too) the tags that it does not give them."""
    named = sql.SQL("union select client_id from pg_temp.clients" if with_clients else "")
    return connection.execute(
        sql.SQL(
            "delete from billing.client_tags known"
            " where client_id in (select client_id from pg_temp.client_tags {})"
            " and not exists (select from pg_temp.client_tags given"
            "  where given.client_id = known.client_id and given.tag = known.tag)"
        ).format(named)
    ).rowcount


def _enter(
    connection: psycopg.Connection[Any], source: str, as_of: datetime | None, tables: dict[str, Changes]
) -> LoadSummary:
    counts = {table: changes._asdict() for table, changes in tables.items()}
    entered: Any = connection.execute(
        "insert into dynamics.loads (as_of, source, row_counts) values (coalesce(%s, now()), %s, %s)"
        " returning load_id, as_of",
        [as_of, source, Jsonb(counts)],
    ).fetchone()
    load_id, known_until = entered
    return LoadSummary(load_id, known_until, tables)
