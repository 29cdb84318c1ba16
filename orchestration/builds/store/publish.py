"""Publishing: the facts and daily marts of a build become the files of its report store.

A file that a reader can open is never changed. A build writes new files, or copies of the last
build's files to which it applies the changed clients. The ledger names a build's files.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from orchestration.builds.store import files, ledger, queries, sharing
from orchestration.builds.store.duck import attach, in_memory, run, set_variables
from orchestration.builds.store.files import COMMON, StoreFile
from orchestration.builds.store.postgres_stream import reading, stream
from orchestration.settings import settings

if TYPE_CHECKING:
    from pathlib import Path

    from adbc_driver_manager.dbapi import Connection as AdbcConnection
    from duckdb import DuckDBPyConnection
    from psycopg import Connection
    from psycopg.rows import TupleRow

Progress = Callable[[str], None]

_SORT_AGAIN = 4
"""A store whose appended rows are more than one in so many is published in full, sorted again."""


class _Written(NamedTuple):
    """What a publish wrote: the files, and what the next publish needs to know."""

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
    """Write the report store of a build and name its files in the ledger, in the caller's transaction.

    Reads the committed tables of the schema `marts`. An incremental build starts from copies of the
    last finished build's files, or writes all files anew where one of them is not on this machine.
    Where hosts share the store, the files are in the bucket before the ledger names them. `parts` is
    into how many parts a full publish splits the clients, by default as the settings say.
    """
    folder = files.folder(connection)
    base = None if is_full else ledger.current_store(connection)
    if base and not _can_start_from(base, folder):
        base = None
    result = _written(connection, folder, base, parts)
    stored = sharing.upload(folder, result.files) if sharing.is_shared() else result.files
    ledger.record(
        connection,
        build_id,
        stored,
        next_client=result.next_client,
        events=result.events,
        appended=result.appended,
    )
    if progress:
        progress("report_store")


def publish_again(connection: Connection[TupleRow], store: ledger.PublishedStore) -> None:
    """Write the files of a store that the ledger knows and this machine does not have, from the marts.

    The marts must still be those of that store's build.
    """
    folder = files.folder(connection)
    result = _written(connection, folder, None, parts=len(store.files) - 1)
    for made, known in zip(result.files, store.files, strict=True):
        (folder / made.name).replace(folder / known.name)


def clean(connection: Connection[TupleRow]) -> None:
    """Remove the files of builds that no reader needs any more. The caller holds the build lock."""
    folder = files.folder(connection)
    kept, outdated = ledger.kept_and_outdated(connection)
    files.remove_others(folder, kept)
    if sharing.is_shared():
        sharing.remove(outdated)
    ledger.forget(connection, outdated)


def _written(
    connection: Connection[TupleRow],
    folder: Path,
    base: ledger.PublishedStore | None,
    parts: int | None = None,
) -> _Written:
    """Write the files of a store. What a failed attempt wrote is removed."""
    for is_wide in (False, True):
        written: list[Path] = []
        try:
            if base:
                return _apply(connection, folder, base, written, is_wide=is_wide)
            return _fill(connection, folder, written, parts or _count_parts(connection), is_wide=is_wide)
        except Exception as problem:
            for path in written:
                for leftover in (path, path.with_name(f"{path.name}.wal")):
                    with suppress(FileNotFoundError):
                        leftover.unlink()
            # Narrow amounts are tried first. Whatever else is wrong is wrong for wide ones too.
            if is_wide or not _is_from_duckdb(problem):
                raise
    raise AssertionError  # the second attempt returns or raises


def _can_start_from(base: ledger.PublishedStore, folder: Path) -> bool:
    parts = {file.part for file in base.files}
    return (
        COMMON in parts
        and all((folder / file.name).is_file() for file in base.files)
        and base.appended * _SORT_AGAIN <= base.events
    )


def _is_from_duckdb(problem: Exception) -> bool:
    import duckdb

    return isinstance(problem, duckdb.Error)


def _fill(
    connection: Connection[TupleRow], folder: Path, written: list[Path], parts: int, *, is_wide: bool
) -> _Written:
    """Write all files from the facts, the clients split into `parts`."""
    with reading(connection) as source, closing(in_memory(folder / "tmp")) as duck:
        common = _new_file(duck, folder, COMMON, written)
        run(duck, "common")
        _load(duck, source, "incoming_packages", queries.PACKAGES)
        _load(duck, source, "incoming_rates", queries.EXCHANGE_RATES)
        _load(duck, source, "incoming_flows", queries.flows())
        _load(duck, source, "incoming_cohorts", queries.cohorts())
        _load(duck, source, "incoming_clients", queries.numbered(queries.CLIENTS, parts))
        run(duck, "fill_common")
        run(duck, "exchange_rates")
        paths = [common]
        queries.define_exact(duck, is_wide=is_wide)
        with stream(source, queries.events("fct_client_events", is_wide=is_wide)) as rows:
            duck.register("streamed", rows)
            if parts == 1:
                duck.execute("create temp view incoming_events as select * from streamed")
            else:
                # One pass over the stream; each part then takes its own clients.
                duck.execute("create temp table incoming_events as select * from streamed")
            for part in range(1, parts + 1):
                paths.append(_new_file(duck, folder, part, written))
                run(duck, "part")
                if is_wide:
                    run(duck, "widen")
                set_variables(duck, part=part)
                run(duck, "fill_part")
        _write_spans(duck, parts)
        next_client = _number(duck, "select count(*) + 1 from incoming_clients")
        events = _number(duck, "select count(*) from all_events")
        _close(duck, parts)
    described = [files.described(path, part) for part, path in enumerate(paths)]
    return _Written(described, next_client, events, 0)


def _apply(
    connection: Connection[TupleRow],
    folder: Path,
    base: ledger.PublishedStore,
    written: list[Path],
    *,
    is_wide: bool,
) -> _Written:
    """Write copies of the files whose clients changed, and apply the changes to them."""
    parts = len(base.files) - 1
    known = {file.part: file for file in base.files}
    with reading(connection) as source, closing(in_memory(folder / "tmp")) as duck:
        _load(duck, source, "incoming_changes", queries.with_part(queries.CHANGED_CLIENTS, parts))
        _load(duck, source, "incoming_clients", queries.CHANGED_CLIENT_ROWS)
        _load(duck, source, "incoming_events", queries.events("int_changed_events", is_wide=is_wide))
        _load(duck, source, "changed_dates", queries.CHANGED_DATES)
        _load(duck, source, "incoming_packages", queries.PACKAGES)
        _load(duck, source, "incoming_rates", queries.EXCHANGE_RATES)
        ((since,),) = duck.execute("select min(utc_date) from changed_dates").fetchall()
        since = since or date.max
        _load(duck, source, "changed_flow_dates", queries.CHANGED_FLOW_DATES)
        _load(duck, source, "changed_span_dates", queries.CHANGED_SPAN_DATES)
        flow_dates = duck.execute("select utc_date from changed_flow_dates").fetchall()
        _load(duck, source, "incoming_flows", queries.flows(utc_date for (utc_date,) in flow_dates))
        _load(duck, source, "incoming_cohorts", queries.cohorts(since))
        _copied_file(duck, folder, known[COMMON], written)
        set_variables(duck, since_date=since)
        run(duck, "apply_common")
        run(duck, "exchange_rates")
        queries.define_exact(duck, is_wide=is_wide)
        touched = {part for (part,) in duck.execute("select distinct part from incoming_changes").fetchall()}
        next_client, appended = base.next_client, base.appended
        paths = {COMMON: written[0]}
        for part in range(1, parts + 1):
            if part not in touched:
                attach(duck, folder / known[part].name, f"part_{part}", read_only=True)
                continue
            paths[part] = _copied_file(duck, folder, known[part], written)
            if is_wide:
                run(duck, "widen")
            set_variables(duck, part=part, next_client=next_client)
            run(duck, "apply_changes")
            next_client += _number(duck, "select count(*) from changed where is_new")
            appended += _number(duck, "select count(*) from added_events")
        _write_spans(duck, parts, only_changed=True)
        events = _number(duck, "select count(*) from all_events")
        _close(duck, parts)
    described = [
        files.described(paths[part], part) if part in paths else known[part] for part in range(parts + 1)
    ]
    return _Written(described, next_client, events, appended)


def _count_parts(connection: Connection[TupleRow]) -> int:
    """Return into how many parts the clients are split: one more for each `store_part_rows` events."""
    row = connection.execute(queries.ROUGH_EVENT_COUNT).fetchone() or (0,)
    return 1 + int(row[0]) // settings().store_part_rows


def _number(duck: DuckDBPyConnection, query: str) -> int:
    ((number,),) = duck.execute(query).fetchall()
    return int(number)


def _load(duck: DuckDBPyConnection, source: AdbcConnection, table: str, query: str) -> None:
    """Load the rows of a Postgres query into a temporary table."""
    with stream(source, query) as rows:
        duck.register("streamed", rows)
        duck.execute(f"create or replace temp table {table} as select * from streamed")
        duck.unregister("streamed")


def _name(part: int) -> str:
    return "common" if part == COMMON else f"part_{part}"


def _new_file(duck: DuckDBPyConnection, folder: Path, part: int, written: list[Path]) -> Path:
    path = folder / files.new_name(part)
    written.append(path)
    attach(duck, path, _name(part), read_only=False)
    duck.execute(f"use {_name(part)}")
    return path


def _copied_file(duck: DuckDBPyConnection, folder: Path, base: StoreFile, written: list[Path]) -> Path:
    path = folder / files.new_name(base.part)
    written.append(path)
    files.copy(folder / base.name, path)
    attach(duck, path, _name(base.part), read_only=False)
    duck.execute(f"use {_name(base.part)}")
    return path


def _write_spans(duck: DuckDBPyConnection, parts: int, *, only_changed: bool = False) -> None:
    """Write the first and last transaction of each client type and UTC date, or of the changed dates alone."""
    all_events = " union all ".join(
        f"select client_type, occurred_at, kind from part_{part}.events" for part in range(1, parts + 1)
    )
    duck.execute(f"create or replace temp view all_events as {all_events}")
    if not only_changed:
        duck.execute(
            "create or replace temp table changed_span_dates as"
            " select distinct utc_date from common.daily_flows"
        )
    run(duck, "span_dates")


def _close(duck: DuckDBPyConnection, parts: int) -> None:
    """Write everything to the files and let go of them."""
    duck.execute("use memory")
    for part in range(parts + 1):
        with suppress(Exception):
            duck.execute(f"checkpoint {_name(part)}")
        duck.execute(f"detach {_name(part)}")
