"""Loads an extract into the schema `billing`, all of it or nothing (`dynamics load`)."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from orchestration.errors import RequestError
from orchestration.progress import Progress
from orchestration.source.files import ExtractFile, find_files
from orchestration.source.schema import SOURCE_LOCK
from orchestration.source.staging import (
    InvalidRowsFound,
    raise_first_error,
    require_valid,
    stage,
    staging_table,
)
from orchestration.source.upsert import RowCounts, upsert


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """A finished load: a row of `dynamics.loads`."""

    load_id: int
    as_of: datetime
    """The instant up to which the data is known, aware (definition: As of)."""
    tables: dict[str, RowCounts]
    """The row counts of the tables that the extract contains."""


def load(
    connection: psycopg.Connection[Any],
    folder: Path,
    *,
    as_of: datetime | None = None,
    base_currency: str = "USD",
    progress: Progress | None = None,
) -> LoadSummary:
    """Load the extract in `folder` into `billing` (definition: Source tables). Upsert rows by key.

    A table without a file does not change. If the extract has a file of tags, the tags of each
    client in the extract become those of the file. `as_of` (aware) is the instant up to which the
    extract knows the data, by default now. The load waits for other loads and builds. It is one
    transaction, which is committed if `connection` was idle, otherwise it is a part of the caller's
    transaction. Raise RequestError with file, line, column and value of the first row that breaks
    the contract.
    """
    if as_of and as_of.tzinfo is None:
        raise RequestError(
            f"as_of {as_of} has no offset from UTC. Write it with one, such as {as_of.isoformat()}Z"
        )
    files = find_files(folder)
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [SOURCE_LOCK])
        # Sorts, joins and new indexes get more memory until the transaction ends.
        connection.execute("set local work_mem = '64MB'")
        connection.execute("set local maintenance_work_mem = '256MB'")
        tables: dict[str, RowCounts] = {}
        for file in files:
            stage(connection, file, progress)
            if progress:
                progress(f"{file.name}: into the database", 0, 0)
            tables[file.table.name] = _load_table(connection, file, base_currency)
            if file.table.name == "client_tags":
                deleted = _delete_other_tags(connection, has_clients="clients" in tables)
                tables["client_tags"] = tables["client_tags"]._replace(deleted=deleted)
        for file in files:
            connection.execute(sql.SQL("drop table {}").format(staging_table(file.table)))
        return _record_load(connection, folder.resolve().name, as_of, tables)


def _load_table(connection: psycopg.Connection[Any], file: ExtractFile, base_currency: str) -> RowCounts:
    """Move the staged rows of `file` into `billing`. Raise RequestError with the first bad row."""
    try:
        with connection.transaction():
            require_valid(connection, file.table, base_currency)
            return upsert(connection, file.table)
    except (InvalidRowsFound, psycopg.DataError, psycopg.IntegrityError) as error:
        raise_first_error(connection, file, base_currency)
        # All rows keep the contract, so a constraint that somebody added to `billing` has failed.
        reason = str(error).splitlines()[0]
        raise RequestError(f"the database rejects {file.name}: {reason}. Nothing was loaded") from error


def _delete_other_tags(connection: psycopg.Connection[Any], *, has_clients: bool) -> int:
    """Delete the tags that clients of this extract no longer have. Return their number."""
    clients = sql.SQL("union select client_id from dynamics.staged_clients" if has_clients else "")
    return connection.execute(
        sql.SQL(
            "delete from billing.client_tags stored"
            " where client_id in (select client_id from dynamics.staged_client_tags {})"
            " and not exists (select from dynamics.staged_client_tags staged"
            "  where staged.client_id = stored.client_id and staged.tag = stored.tag)"
        ).format(clients)
    ).rowcount


def _record_load(
    connection: psycopg.Connection[Any], source: str, as_of: datetime | None, tables: dict[str, RowCounts]
) -> LoadSummary:
    counts = {table: row_counts._asdict() for table, row_counts in tables.items()}
    row: Any = connection.execute(
        "insert into dynamics.loads (as_of, source, row_counts) values (coalesce(%s, now()), %s, %s)"
        " returning load_id, as_of",
        [as_of, source, Jsonb(counts)],
    ).fetchone()
    load_id, known_until = row
    return LoadSummary(load_id, known_until, tables)
