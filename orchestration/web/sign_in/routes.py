"""`/sign-in` and `/sign-out`."""

from starlette.routing import Route

ROUTES: list[Route] = []
