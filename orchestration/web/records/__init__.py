"""The archive on the web: searching it, comparing two snapshots, and the clients behind a number."""

from starlette.routing import Route

ROUTES: list[Route] = []
