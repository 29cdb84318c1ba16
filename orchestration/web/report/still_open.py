"""Whether links still open, asked for many readers at once.

A page that is kept in memory must not outlive its link, in whichever process the link was revoked. So the database is
asked: one question is under way at a time, and whoever comes meanwhile shares the next. Nothing has to be told when a
link ends, and where nobody answers, nothing is shown.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from psycopg import Connection, OperationalError
from starlette.concurrency import run_in_threadpool

from orchestration.archive.index import still_open

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

    from orchestration.web.app import OpenArchive


class _Question(NamedTuple):
    snapshot_ids: set[str]
    answer: asyncio.Future[set[str]]


class StillOpen:
    """Asks the index about links, on one connection that it opens when it is first asked."""

    def __init__(self, open_archive: OpenArchive) -> None:
        self._open_archive = open_archive
        self._held = ExitStack()
        self._connection: Connection[TupleRow] | None = None
        self._asking = asyncio.Lock()
        self._next: _Question | None = None

    async def __call__(self, snapshot_id: str) -> bool:
        """Whether the index knows the snapshot and its link opens now: a revocation that is committed counts.

        Raises Unavailable or OperationalError when the database does not answer.
        """
        if self._next is None:
            self._next = _Question(set(), asyncio.ensure_future(self._ask()))
        question = self._next
        question.snapshot_ids.add(snapshot_id)
        return snapshot_id in await asyncio.shield(question.answer)

    async def _ask(self) -> set[str]:
        async with self._asking:
            question, self._next = self._next, None
            return await run_in_threadpool(self._answer, question.snapshot_ids) if question else set()

    def _answer(self, snapshot_ids: set[str]) -> set[str]:
        if self._connection is not None:
            try:
                return still_open(self._connection, snapshot_ids)
            except OperationalError:  # the database was restarted since
                self._held.close()
        _, self._connection = self._held.enter_context(self._open_archive())
        self._connection.autocommit = True
        return still_open(self._connection, snapshot_ids)
