"""Publishing: the facts and daily marts of a build become the files of its report store.

A file that a reader can open never changes. A full publish writes new files. An incremental publish
copies the files of the last build and applies the changed clients to the copies. The ledger names
the files of each build.
"""

from __future__ import annotations

from contextlib import closing, suppress
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from orchestration.builds.store import files, ledger, queries, sharing
from orchestration.builds.store.duck import attach, connect_in_memory, run_script, set_variables
from orchestration.builds.store.files import COMMON, StoreFile
from orchestration.builds.store.postgres_stream import connect_reader, stream_rows
from orchestration.settings import settings

if TYPE_CHECKING:
    from pathlib import Path

    from adbc_driver_manager.dbapi import Connection as AdbcConnection
    from duckdb import DuckDBPyConnection
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from orchestration.progress import Progress

_SORT_AGAIN_DIVISOR = 4
"""If more than one event in four is appended, all files are written again in sorted order."""


class _PublishedFiles(NamedTuple):
    """The files that a publish wrote, and the numbers that the next publish needs."""

    files: list[StoreFile]
    next_client: int
    events: int
    appended: int


def publish(
    connection: Connection[TupleRow],
    build_id: int,
    *,
    is_full: bool,
    parts: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the report store of a build and record its files in the transaction of the caller.

    It reads the committed tables of the schema `marts`. An incremental build starts from copies of
    the current build's files, or writes all files if one of them is missing on this machine. If
    hosts share the store, the files are in the bucket before the ledger names them. `parts` is the
    number of parts that a full publish splits the clients into; by default it follows the settings.
    """
    folder = files.prepare_folder(connection)
    base = None if is_full else ledger.load_current_store(connection)
    if base and not _can_start_from(base, folder):
        base = None
    result = _write(connection, folder, base, parts)
    stored = sharing.upload(folder, result.files) if sharing.is_shared() else result.files
    ledger.record_store(
        connection,
        build_id,
        stored,
        next_client=result.next_client,
        events=result.events,
        appended=result.appended,
    )
    if progress:
        progress("report_store", 0, 0)


def republish(connection: Connection[TupleRow], store: ledger.PublishedStore) -> None:
    """Write the files of a recorded store again from the marts, under the recorded names.

    The files of this host can have other sizes than those in the ledger. The marts must still be
    those of the store's build.
    """
    folder = files.prepare_folder(connection)
    result = _write(connection, folder, None, parts=len(store.files) - 1)
    for new, recorded in zip(result.files, store.files, strict=True):
        files.write_own_size(folder / recorded.name, new.bytes)
        (folder / new.name).replace(folder / recorded.name)


def remove_old_files(connection: Connection[TupleRow]) -> None:
    """Remove the files that no reader needs any more. The caller holds the source lock."""
    folder = files.prepare_folder(connection)
    kept, outdated = ledger.find_kept_and_outdated_files(connection)
    files.remove_others(folder, kept)
    if sharing.is_shared():
        sharing.remove(outdated)
    ledger.delete_stores(connection, outdated)


def _write(
    connection: Connection[TupleRow],
    folder: Path,
    base: ledger.PublishedStore | None,
    parts: int | None = None,
) -> _PublishedFiles:
    """Write the files of a store, and remove the files of a failed attempt.

    The first attempt uses narrow amounts. If an amount does not fit, the second one uses wide
    amounts.
    """
    for is_wide in (False, True):
        written: list[Path] = []
        try:
            if base:
                return _write_changed_files(connection, folder, base, written, is_wide=is_wide)
            return _write_all_files(
                connection, folder, written, parts or _count_parts(connection), is_wide=is_wide
            )
        except Exception as error:
            for path in written:
                for leftover in (path, path.with_name(f"{path.name}.wal")):
                    with suppress(FileNotFoundError):
                        leftover.unlink()
            if is_wide or not _is_duckdb_error(error):
                raise
    raise AssertionError  # the second attempt returns or raises


def _can_start_from(base: ledger.PublishedStore, folder: Path) -> bool:
    parts = {file.part for file in base.files}
    return (
        COMMON in parts
        and all((folder / file.name).is_file() for file in base.files)
        and base.appended * _SORT_AGAIN_DIVISOR <= base.events
    )


def _is_duckdb_error(error: Exception) -> bool:
    import duckdb

    return isinstance(error, duckdb.Error)


def _write_all_files(
    connection: Connection[TupleRow], folder: Path, written: list[Path], parts: int, *, is_wide: bool
) -> _PublishedFiles:
    """Write all files from the marts, with the clients split into `parts`."""
    with connect_reader(connection) as source, closing(connect_in_memory(folder / "tmp")) as duck:
        common = _create_file(duck, folder, COMMON, written)
        run_script(duck, "common")
        _load(duck, source, "incoming_packages", queries.PACKAGES)
        _load(duck, source, "incoming_rates", queries.EXCHANGE_RATES)
        _load(duck, source, "incoming_flows", queries.select_flows())
        _load(duck, source, "incoming_cohorts", queries.select_cohort_changes())
        _load(duck, source, "incoming_clients", queries.number_clients(queries.CLIENTS, parts))
        run_script(duck, "fill_common")
        run_script(duck, "exchange_rates")
        paths = [common]
        queries.define_exact(duck, is_wide=is_wide)
        with stream_rows(source, queries.select_events("fct_client_events", is_wide=is_wide)) as rows:
            duck.register("streamed", rows)
            if parts == 1:
                duck.execute("create temp view incoming_events as select * from streamed")
            else:
                # The rows can be streamed only once, and each part selects its own clients.
                duck.execute("create temp table incoming_events as select * from streamed")
            for part in range(1, parts + 1):
                paths.append(_create_file(duck, folder, part, written))
                run_script(duck, "part")
                if is_wide:
                    run_script(duck, "widen")
                set_variables(duck, part=part)
                run_script(duck, "fill_part")
        _write_spans(duck, parts)
        next_client = _fetch_number(duck, "select count(*) + 1 from incoming_clients")
        events = _fetch_number(duck, "select count(*) from all_events")
        _close(duck, parts)
    described = [files.describe(path, part) for part, path in enumerate(paths)]
    return _PublishedFiles(described, next_client, events, 0)


def _write_changed_files(
    connection: Connection[TupleRow],
    folder: Path,
    base: ledger.PublishedStore,
    written: list[Path],
    *,
    is_wide: bool,
) -> _PublishedFiles:
    """Copy the files with changed clients, and apply the changes to the copies."""
    parts = len(base.files) - 1
    base_files = {file.part: file for file in base.files}
    with connect_reader(connection) as source, closing(connect_in_memory(folder / "tmp")) as duck:
        _load_changes(duck, source, parts, is_wide=is_wide)
        common = _copy_file(duck, folder, base_files[COMMON], written)
        run_script(duck, "apply_common")
        run_script(duck, "exchange_rates")
        queries.define_exact(duck, is_wide=is_wide)
        changed_parts = {
            part for (part,) in duck.execute("select distinct part from incoming_changes").fetchall()
        }
        next_client, appended = base.next_client, base.appended
        paths = {COMMON: common}
        for part in range(1, parts + 1):
            if part not in changed_parts:
                attach(duck, folder / base_files[part].name, f"part_{part}", read_only=True)
                continue
            paths[part] = _copy_file(duck, folder, base_files[part], written)
            if is_wide:
                run_script(duck, "widen")
            set_variables(duck, part=part, next_client=next_client)
            run_script(duck, "apply_changes")
            next_client += _fetch_number(duck, "select count(*) from changed where is_new")
            appended += _fetch_number(duck, "select count(*) from added_events")
        _write_spans(duck, parts, only_changed=True)
        events = _fetch_number(duck, "select count(*) from all_events")
        _close(duck, parts)
    described = [
        files.describe(paths[part], part) if part in paths else base_files[part] for part in range(parts + 1)
    ]
    return _PublishedFiles(described, next_client, events, appended)


def _load_changes(duck: DuckDBPyConnection, source: AdbcConnection, parts: int, *, is_wide: bool) -> None:
    """Load the changes of a build into temporary tables, and set the variable `from_date`."""
    _load(duck, source, "incoming_changes", queries.add_part(queries.CHANGED_CLIENTS, parts))
    _load(duck, source, "incoming_clients", queries.CHANGED_CLIENT_ROWS)
    _load(duck, source, "incoming_events", queries.select_events("int_changed_events", is_wide=is_wide))
    _load(duck, source, "changed_dates", queries.CHANGED_DATES)
    _load(duck, source, "incoming_packages", queries.PACKAGES)
    _load(duck, source, "incoming_rates", queries.EXCHANGE_RATES)
    ((first_changed_date,),) = duck.execute("select min(utc_date) from changed_dates").fetchall()
    from_date = first_changed_date or date.max
    _load(duck, source, "changed_flow_dates", queries.CHANGED_FLOW_DATES)
    _load(duck, source, "changed_span_dates", queries.CHANGED_SPAN_DATES)
    flow_dates = duck.execute("select utc_date from changed_flow_dates").fetchall()
    _load(duck, source, "incoming_flows", queries.select_flows(utc_date for (utc_date,) in flow_dates))
    _load(duck, source, "incoming_cohorts", queries.select_cohort_changes(from_date))
    set_variables(duck, from_date=from_date)


def _count_parts(connection: Connection[TupleRow]) -> int:
    """Return the number of parts for the clients: one more for each `store_part_rows` events."""
    row = connection.execute(queries.ROUGH_EVENT_COUNT).fetchone() or (0,)
    return 1 + int(row[0]) // settings().store_part_rows


def _fetch_number(duck: DuckDBPyConnection, query: str) -> int:
    ((number,),) = duck.execute(query).fetchall()
    return int(number)


def _load(duck: DuckDBPyConnection, source: AdbcConnection, table: str, query: str) -> None:
    """Load the rows of a Postgres query into a temporary table."""
    with stream_rows(source, query) as rows:
        duck.register("streamed", rows)
        duck.execute(f"create or replace temp table {table} as select * from streamed")
        duck.unregister("streamed")


def _database_name(part: int) -> str:
    return "common" if part == COMMON else f"part_{part}"


def _create_file(duck: DuckDBPyConnection, folder: Path, part: int, written: list[Path]) -> Path:
    """Create an empty file for a part, attach it, and make it the current database."""
    path = folder / files.make_file_name(part)
    written.append(path)
    attach(duck, path, _database_name(part), read_only=False)
    duck.execute(f"use {_database_name(part)}")
    return path


def _copy_file(duck: DuckDBPyConnection, folder: Path, base: StoreFile, written: list[Path]) -> Path:
    """Copy a file of the base, attach the copy, and make it the current database."""
    path = folder / files.make_file_name(base.part)
    written.append(path)
    files.copy_file(folder / base.name, path)
    attach(duck, path, _database_name(base.part), read_only=False)
    duck.execute(f"use {_database_name(base.part)}")
    return path


def _write_spans(duck: DuckDBPyConnection, parts: int, *, only_changed: bool = False) -> None:
    """Write the first and last transaction per client type and date, for all or changed dates."""
    all_events = " union all ".join(
        f"select client_type, occurred_at, kind from part_{part}.events" for part in range(1, parts + 1)
    )
    duck.execute(f"create or replace temp view all_events as {all_events}")
    if not only_changed:
        duck.execute(
            "create or replace temp table changed_span_dates as"
            " select distinct utc_date from common.daily_flows"
        )
    run_script(duck, "span_dates")


def _close(duck: DuckDBPyConnection, parts: int) -> None:
    """Write all data to the files and detach them."""
    duck.execute("use memory")
    for part in range(parts + 1):
        with suppress(Exception):
            duck.execute(f"checkpoint {_database_name(part)}")
        duck.execute(f"detach {_database_name(part)}")
