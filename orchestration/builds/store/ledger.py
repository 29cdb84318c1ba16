"""The ledger of report stores: which files the store of each build has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestration.builds.store.files import StoreFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg import Connection
    from psycopg.rows import TupleRow

_CURRENT_STORE = """
    select
        build.build_id, build.as_of,
        stores.build_id, stores.next_client, stores.events, stores.appended
    from dynamics.current_build as build
    left join lateral (
        select report_stores.*
        from dynamics.report_stores
        inner join dynamics.builds as published using (build_id)
        where published.finished_at is not null and build_id <= build.build_id
        order by build_id desc
        limit 1
    ) as stores on true
"""

_FILES = "select part, name, bytes, sha256 from dynamics.report_store_files where build_id = %s order by part"


class PublishedStore(NamedTuple):
    """The report store of the current build."""

    build_id: int
    as_of: datetime
    """The instant up to which the data is known (definition: As of)."""
    store_build_id: int
    """The build that published the files. A later build uses the same files if nothing changed."""
    next_client: int
    """The number of the next new client."""
    events: int
    """The number of events in the store."""
    appended: int
    """The number of events that incremental builds have appended out of order."""
    files: tuple[StoreFile, ...]


def load_current_store(connection: Connection[TupleRow]) -> PublishedStore | None:
    """Return the store of the current build, or None when no build has published a store."""
    row = connection.execute(_CURRENT_STORE).fetchone()
    if row is None or row[2] is None:
        return None
    build_id, as_of, store_build_id, next_client, events, appended = row
    rows = connection.execute(_FILES, [store_build_id]).fetchall()
    files = tuple(StoreFile(*file) for file in rows)
    return PublishedStore(build_id, as_of, store_build_id, next_client, events, appended, files)


def record_store(
    connection: Connection[TupleRow],
    build_id: int,
    files: Sequence[StoreFile],
    *,
    next_client: int,
    events: int,
    appended: int,
) -> None:
    """Record the store of a build. Replace the record of an earlier attempt at the same build."""
    connection.execute("delete from dynamics.report_stores where build_id = %s", [build_id])
    connection.execute(
        "insert into dynamics.report_stores (build_id, next_client, events, appended) values (%s, %s, %s, %s)",
        [build_id, next_client, events, appended],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into dynamics.report_store_files (build_id, part, name, bytes, sha256)"
            " values (%s, %s, %s, %s, %s)",
            [(build_id, *file) for file in files],
        )


def find_kept_and_outdated_files(connection: Connection[TupleRow]) -> tuple[set[str], list[str]]:
    """Return the names of the files to keep, and of the files that only older stores use.

    The files of the two latest stores are kept, because a reader may be opening the previous store.
    """
    rows = connection.execute(
        """
        select name, bool_or(build_id in (
            select build_id from dynamics.report_stores order by build_id desc limit 2
        ))
        from dynamics.report_store_files group by name
        """
    ).fetchall()
    return {name for name, is_kept in rows if is_kept}, [name for name, is_kept in rows if not is_kept]


def delete_stores(connection: Connection[TupleRow], names: Sequence[str]) -> None:
    """Delete the records of the stores that have one of these files."""
    connection.execute(
        "delete from dynamics.report_stores where build_id in"
        " (select build_id from dynamics.report_store_files where name = any(%s))",
        [list(names)],
    )
