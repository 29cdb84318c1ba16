"""Checks whether links are still valid, in batches for many readers.

A cached page must not outlive its link, and another process may have revoked the link. So each
check queries the database. One query runs at a time, and all requests that arrive meanwhile share
the next one. If the database does not answer, no page is shown.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from psycopg import Connection, OperationalError
from starlette.concurrency import run_in_threadpool

from orchestration.archive.index import find_open

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

    from orchestration.connections import OpenArchive


class _Batch(NamedTuple):
    """The snapshots of one query, and the ids with a valid link as its result."""

    snapshot_ids: set[str]
    valid_ids: asyncio.Future[set[str]]


class LinkValidity:
    """Checks links on one database connection, which it opens for the first check."""

    def __init__(self, open_archive: OpenArchive) -> None:
        self._open_archive = open_archive
        self._resources = ExitStack()
        self._connection: Connection[TupleRow] | None = None
        self._query_lock = asyncio.Lock()
        self._next_batch: _Batch | None = None

    async def is_valid(self, snapshot_id: str) -> bool:
        """Return whether the link of the snapshot opens now. A committed revocation counts.

        Raise Unavailable or OperationalError if the database does not answer.
        """
        if self._next_batch is None:
            self._next_batch = _Batch(set(), asyncio.ensure_future(self._run_next_batch()))
        batch = self._next_batch
        batch.snapshot_ids.add(snapshot_id)
        return snapshot_id in await asyncio.shield(batch.valid_ids)

    async def _run_next_batch(self) -> set[str]:
        async with self._query_lock:
            batch, self._next_batch = self._next_batch, None
            return await run_in_threadpool(self._query, batch.snapshot_ids) if batch else set()

    def _query(self, snapshot_ids: set[str]) -> set[str]:
        if self._connection is not None:
            try:
                return find_open(self._connection, snapshot_ids)
            except OperationalError:  # the database has restarted: connect again
                self._resources.close()
        _, self._connection = self._resources.enter_context(self._open_archive())
        self._connection.autocommit = True
        return find_open(self._connection, snapshot_ids)
