"""`dynamics load`: an extract into the schema `billing`, all of it or nothing."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.errors import RequestError
from orchestration.source.files import ExtractFile, Progress, find_files
from orchestration.source.schema import SOURCE_LOCK
from orchestration.source.staging import Doubt, check, stage, staged, vouch
from orchestration.source.upsert import Changes, upsert


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
        # For what is sorted, joined and indexed once; the session keeps it no longer than this transaction.
        connection.execute("set local work_mem = '64MB'")
        connection.execute("set local maintenance_work_mem = '256MB'")
        tables: dict[str, Changes] = {}
        for file in files:
            stage(connection, file, progress)
            if progress:
                progress(f"{file.name}: into the database", 0, 0)
            tables[file.table.name] = _take(connection, file, base_currency)
            if file.table.name == "client_tags":
                deleted = _delete_other_tags(connection, with_clients="clients" in tables)
                tables["client_tags"] = tables["client_tags"]._replace(deleted=deleted)
        for file in files:
            connection.execute(sql.SQL("drop table {}").format(staged(file.table)))
        return _enter(connection, folder.resolve().name, as_of, tables)


def _take(connection: psycopg.Connection[Any], file: ExtractFile, base_currency: str) -> Changes:
    """The staged rows of `file` into `billing`. Raises RequestError that shows the first that breaks the contract."""
    try:
        with connection.transaction():
            vouch(connection, file.table, base_currency)
            return upsert(connection, file.table)
    except (Doubt, psycopg.DataError, psycopg.IntegrityError) as error:
        check(connection, file, base_currency)
        # The contract is kept: a constraint that is not ours has spoken.
        reason = str(error).splitlines()[0]
        raise RequestError(f"{file.name} is refused by the database: {reason}; nothing was loaded") from error


def _delete_other_tags(connection: psycopg.Connection[Any], *, with_clients: bool) -> int:
    """Takes from the clients that this extract names (in its file of clients too) the tags that it does not give them."""
    named = sql.SQL("union select client_id from dynamics.staged_clients" if with_clients else "")
    return connection.execute(
        sql.SQL(
            "delete from billing.client_tags known"
            " where client_id in (select client_id from dynamics.staged_client_tags {})"
            " and not exists (select from dynamics.staged_client_tags given"
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
