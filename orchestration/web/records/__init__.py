"""The archive on the web: searching it, comparing two snapshots, and the clients behind a number."""

from starlette.routing import Route

from orchestration.web.records.again import again
from orchestration.web.records.archive import archive
from orchestration.web.records.compare import compare
from orchestration.web.records.drill import drill
from orchestration.web.records.entry import entry, revoke

ROUTES: list[Route] = [
    Route("/archive", archive),
    Route("/archive/compare", compare),
    Route("/archive/{id}", entry),
    Route("/archive/{id}/revoke", revoke, methods=["POST"]),
    Route("/archive/{id}/again", again, methods=["POST"]),
    Route("/drill", drill),
]
