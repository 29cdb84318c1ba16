"""Pages that were opened lately, rendered and compressed once: a snapshot never changes."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from orchestration.web.report.still_open import StillOpen

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from orchestration.web.app import OpenArchive

_AT_MOST = 64_000_000
"""Bytes: some 400 reports by date over three years, or ten thousand by month."""


_SURE_FOR = 0.1
"""Seconds that an open link is taken for open. Asked for each request, the database took half of the rate."""


class KeptPage:
    """One page, compressed, and its answers, which are the same objects for every reader."""

    def __init__(self, html: bytes) -> None:
        self.gzipped = gzip.compress(html, 6, mtime=0)
        self.sure_until = 0.0
        self._etag = f'"{hashlib.sha256(html).hexdigest()}"'
        # A browser may keep a copy but must ask each time, since a link can be revoked.
        headers = {"Cache-Control": "private, no-cache", "ETag": self._etag, "Vary": "Accept-Encoding"}
        self._known = Response(status_code=304, headers=headers)
        self._plain = headers
        headers = {**headers, "Content-Encoding": "gzip"}
        self._compressed = Response(self.gzipped, headers=headers, media_type="text/html")

    def answer(self, request: Request) -> Response:
        """The page as this browser reads it, or 304 where it has it already."""
        if self._etag in request.headers.get("if-none-match", ""):
            return self._known
        if "gzip" in request.headers.get("accept-encoding", ""):
            return self._compressed
        return Response(gzip.decompress(self.gzipped), headers=self._plain, media_type="text/html")


class KeptPages:
    """The pages that were opened last, up to 64 MB. None outlives its link by more than a tenth of a second."""

    def __init__(self, open_archive: OpenArchive) -> None:
        self._still_open = StillOpen(open_archive)
        self._pages: OrderedDict[str, KeptPage] = OrderedDict()
        self._size = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def open(self, snapshot_id: str, render: Callable[[], bytes]) -> KeptPage:
        """The snapshot's page, rendered (in a thread) unless it is at hand.

        `render` says whether there is such a snapshot; it raises, then nothing is kept.
        """
        page = self._pages.get(snapshot_id)
        if page is None:
            async with self._locks.setdefault(
                snapshot_id, asyncio.Lock()
            ):  # one renders, the others wait for it
                page = self._pages.get(snapshot_id)
                if page is None:
                    return await self._rendered(snapshot_id, render)
        now = time.monotonic()
        if now < page.sure_until:
            return page
        if await self._still_open(snapshot_id):
            page.sure_until = now + _SURE_FOR
            if snapshot_id in self._pages:  # another page may have taken its place meanwhile
                self._pages.move_to_end(snapshot_id)
            return page
        self._forget(snapshot_id)
        return await self._rendered(snapshot_id, render)

    async def _rendered(self, snapshot_id: str, render: Callable[[], bytes]) -> KeptPage:
        page = KeptPage(await run_in_threadpool(render))
        self._forget(snapshot_id)
        self._pages[snapshot_id] = page
        self._size += len(page.gzipped)
        while self._size > _AT_MOST:
            self._forget(next(iter(self._pages)))
        return page

    def _forget(self, snapshot_id: str) -> None:
        page = self._pages.pop(snapshot_id, None)
        self._size -= len(page.gzipped) if page else 0
