"""Saved queries on the web: the list, saving, loading, and a test send."""

from starlette.routing import Route

ROUTES: list[Route] = []
