"""Checks whether links are still valid, in batches for many readers.

Another process can revoke the link of a cached page. So each check queries the database. While one
query runs, new requests wait, and the next query checks all of them. If the database does not
answer, no page is shown.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

from psycopg import Connection, OperationalError
from starlette.concurrency import run_in_threadpool

from orchestration.archive.index import find_open_links
from orchestration.errors import Unavailable

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

    from orchestration.connections import OpenArchive


class _Batch(NamedTuple):
    """The ids that one query checks, and the ids whose links are valid."""

    snapshot_ids: set[str]
    valid_ids: asyncio.Future[set[str]]


class LinkValidity:
    """Checks links on one database connection, which it opens for the first check."""

    def __init__(self, open_archive: OpenArchive) -> None:
        # The archive is opened only for its connection to the database.
        self._open_archive = open_archive
        self._resources = ExitStack()
        self._connection: Connection[TupleRow] | None = None
        self._query_lock = asyncio.Lock()
        self._next_batch: _Batch | None = None

    async def is_valid(self, snapshot_id: str) -> bool:
        """Return whether the link is valid. The check sees every committed revocation.

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
            return await run_in_threadpool(self._find_valid_ids, batch.snapshot_ids) if batch else set()

    def _find_valid_ids(self, snapshot_ids: set[str]) -> set[str]:
        if self._connection is not None:
            try:
                return find_open_links(self._connection, snapshot_ids)
            except OperationalError:  # the database has restarted: connect again
                self._connection = None
                with suppress(Unavailable):  # the broken connection cannot commit
                    self._resources.close()
        _, connection = self._resources.enter_context(self._open_archive())
        connection.autocommit = True  # each query sees the latest commits
        self._connection = connection
        return find_open_links(connection, snapshot_ids)
