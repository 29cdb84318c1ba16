"""The ledger's rows about report stores: which files the store of a build has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestration.builds.store.files import StoreFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg import Connection
    from psycopg.rows import TupleRow

_CURRENT = """
    select
        builds.build_id, builds.as_of,
        stores.build_id, stores.next_client, stores.events, stores.appended
    from dynamics.builds as builds
    left join lateral (
        select report_stores.*
        from dynamics.report_stores
        inner join dynamics.builds as published using (build_id)
        where published.finished_at is not null and build_id <= builds.build_id
        order by build_id desc
        limit 1
    ) as stores on true
    where builds.finished_at is not null
    order by builds.build_id desc
    limit 1
"""

_FILES = "select part, name, bytes, sha256 from dynamics.report_store_files where build_id = %s order by part"


class PublishedStore(NamedTuple):
    """The report store of the current build.

    `store_build_id` is the build that published the files. A later build can use them too.
    """

    build_id: int
    as_of: datetime
    store_build_id: int
    next_client: int
    events: int
    appended: int
    files: tuple[StoreFile, ...]


def current_store(connection: Connection[TupleRow]) -> PublishedStore | None:
    """Return the store of the last finished build; None when there is no build with a store."""
    row = connection.execute(_CURRENT).fetchone()
    if row is None or row[2] is None:
        return None
    build_id, as_of, store_build_id, next_client, events, appended = row
    stored = connection.execute(_FILES, [store_build_id]).fetchall()
    files = tuple(StoreFile(*file) for file in stored)
    return PublishedStore(build_id, as_of, store_build_id, next_client, events, appended, files)


def record(
    connection: Connection[TupleRow],
    build_id: int,
    stored: Sequence[StoreFile],
    *,
    next_client: int,
    events: int,
    appended: int,
) -> None:
    """Write down the store of a build, in place of what an earlier attempt wrote."""
    connection.execute("delete from dynamics.report_stores where build_id = %s", [build_id])
    connection.execute(
        "insert into dynamics.report_stores (build_id, next_client, events, appended) values (%s, %s, %s, %s)",
        [build_id, next_client, events, appended],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into dynamics.report_store_files (build_id, part, name, bytes, sha256)"
            " values (%s, %s, %s, %s, %s)",
            [(build_id, *file) for file in stored],
        )


def kept_and_outdated(connection: Connection[TupleRow]) -> tuple[set[str], list[str]]:
    """Return the files of the current store and of the one before it, and those of older stores alone.

    A reader may be opening the files of the store before the current one.
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


def forget(connection: Connection[TupleRow], names: Sequence[str]) -> None:
    """Remove the rows of stores whose files are removed."""
    connection.execute(
        "delete from dynamics.report_stores where build_id in"
        " (select build_id from dynamics.report_store_files where name = any(%s))",
        [list(names)],
    )
