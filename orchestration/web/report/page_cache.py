"""A cache of report pages, rendered and compressed once. A snapshot never changes."""

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

from orchestration.web.report.link_validity import LinkValidity

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import Headers

    from orchestration.connections import OpenArchive


CACHE_MAX_BYTES = 64_000_000
"""The size of all cached pages, compressed."""

LINK_CHECK_SECONDS = 0.1
"""How long a link counts as valid after a check. A check for each request would be too slow."""


class CachedPage:
    """One compressed page with its responses, which all readers share."""

    def __init__(self, html: bytes) -> None:
        self.gzipped = gzip.compress(html, 6, mtime=0)
        self.valid_until = 0.0
        """The time (monotonic, in seconds) until which the link needs no check."""
        self._etag = f'"{hashlib.sha256(html).hexdigest()}"'
        # A browser may keep a copy but must ask each time, because a link can be revoked.
        self._headers = {"Cache-Control": "private, no-cache", "ETag": self._etag, "Vary": "Accept-Encoding"}
        self._not_modified = Response(status_code=304, headers=self._headers)
        gzip_headers = {**self._headers, "Content-Encoding": "gzip"}
        self._gzip_response = Response(self.gzipped, headers=gzip_headers, media_type="text/html")

    def respond(self, headers: Headers) -> Response:
        """Return the response for a request with these headers."""
        if self._etag in headers.get("if-none-match", ""):
            return self._not_modified
        if "gzip" in headers.get("accept-encoding", ""):
            return self._gzip_response
        return Response(gzip.decompress(self.gzipped), headers=self._headers, media_type="text/html")


class PageCache:
    """The report pages that were opened last.

    A page is shown for at most LINK_CHECK_SECONDS after its link has ended.
    """

    def __init__(self, open_archive: OpenArchive) -> None:
        self._link_validity = LinkValidity(open_archive)
        self._pages: OrderedDict[str, CachedPage] = OrderedDict()
        self._size = 0
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, snapshot_id: str, render: Callable[[], bytes]) -> CachedPage:
        """Return the page of the snapshot. Call `render` in a thread if the page is not cached.

        `render` raises an error if the snapshot cannot be opened. Then nothing is cached.
        """
        page = self._pages.get(snapshot_id)
        if page is None:
            # Only one request renders the page. The others wait for it.
            async with self._locks.setdefault(snapshot_id, asyncio.Lock()):
                page = self._pages.get(snapshot_id)
                if page is None:
                    return await self._render(snapshot_id, render)
        now = time.monotonic()
        if now < page.valid_until:
            return page
        if await self._link_validity.is_valid(snapshot_id):
            page.valid_until = now + LINK_CHECK_SECONDS
            if snapshot_id in self._pages:  # the page may have left the cache during the check
                self._pages.move_to_end(snapshot_id)
            return page
        self._remove(snapshot_id)
        return await self._render(snapshot_id, render)

    async def _render(self, snapshot_id: str, render: Callable[[], bytes]) -> CachedPage:
        page = CachedPage(await run_in_threadpool(render))
        self._remove(snapshot_id)
        self._pages[snapshot_id] = page
        self._size += len(page.gzipped)
        while self._size > CACHE_MAX_BYTES:
            self._remove(next(iter(self._pages)))
        return page

    def _remove(self, snapshot_id: str) -> None:
        page = self._pages.pop(snapshot_id, None)
        self._size -= len(page.gzipped) if page else 0
